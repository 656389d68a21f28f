# ruff: noqa: INP001 - a command of the images' build, not a module of the system
"""`python slim.py FOLDER`: leave in a folder what runs, and make it the same whoever builds it, where and when.

Standard library only: it runs in the build, before anything is there.
"""

import compileall
import os
import py_compile
import shutil
import struct
import sys
from pathlib import Path

UNUSED_FOLDERS = frozenset({"__pycache__", "bin", "include", "test", "tests", "testing"})
UNUSED_FILES = frozenset({".asm", ".c", ".cmd", ".cpp", ".h", ".hpp", ".obj", ".pxd", ".pxi", ".pyi", ".pyx", ".typed"})
"""Types for checkers, and what extensions were compiled from. The folders *.dist-info stay: they say what is installed."""
ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
LOADED = 1


def main(folder: Path) -> None:
    """Slim a folder, which becomes the root of an image's layer."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in UNUSED_FOLDERS:
            shutil.rmtree(path)
        elif path.suffix in UNUSED_FILES:
            path.unlink()
        elif path.suffix == ".so":
            strip(path)
    # The root file system is read-only where this runs: byte code is made here or at every start. Its validity does not hang on
    # times, which a copy may change. One worker: what a process compiled before shows in the bytes of what it compiles next.
    if not compileall.compile_dir(
        folder, quiet=1, workers=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, stripdir=folder, prependdir="/"
    ):
        sys.exit("slim: something cannot be compiled")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the builder's umask was
        os.utime(path, (0, 0))


def strip(library: Path) -> None:
    """Cut off what follows the last byte that the loader maps: symbols for debuggers, most of many a library's size."""
    content = library.read_bytes()
    if not content.startswith(ELF64_LITTLE_ENDIAN):
        return
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    end = table + size * count
    for header in range(table, end, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, header)
        if kind == LOADED:
            end = max(end, offset + length)
    kept = bytearray(content[:end])
    struct.pack_into("<Q", kept, 40, 0)  # no table of sections is left
    struct.pack_into("<HHH", kept, 58, 0, 0, 0)
    library.write_bytes(kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
