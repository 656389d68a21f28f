# ruff: noqa: INP001 - a script of the image build, not a module of the system
"""`python slim.py FOLDER`: reduce a directory to what is needed at run time, reproducibly on any machine at any time.

Standard library only: it runs in the build before any package is installed.
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
"""Type information, and the sources of extensions. The *.dist-info directories stay: they record which packages are installed."""
ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
LOADED = 1


def main(folder: Path) -> None:
    """Slim the directory that becomes the root of an image layer."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in UNUSED_FOLDERS:
            shutil.rmtree(path)
        elif path.suffix in UNUSED_FILES:
            path.unlink()
        elif path.suffix == ".so":
            strip(path)
    # The root file system is read-only at run time, so bytecode is compiled here or at every start. Hash-based invalidation does not
    # depend on timestamps, which a copy may change. One worker: the bytecode depends on what the same process compiled before.
    if not compileall.compile_dir(
        folder, quiet=1, workers=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, stripdir=folder, prependdir="/"
    ):
        sys.exit("slim: compilation failed, see the messages above")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # independent of the builder's umask
        os.utime(path, (0, 0))


def strip(library: Path) -> None:
    """Truncate a library after the last byte that the loader maps, dropping debug symbols, which are most of the size of many libraries."""
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
    struct.pack_into("<Q", kept, 40, 0)  # no section table remains
    struct.pack_into("<HHH", kept, 58, 0, 0, 0)
    library.write_bytes(kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
