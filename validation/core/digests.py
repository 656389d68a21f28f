"""What a digest of files is made from, so that it hangs on their names and content, and on nothing else."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """List the files below a folder in their order; byte code and what other tools leave behind is none."""
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.relative_to(folder).parts]


def contents(folder: Path, files: Iterable[Path]) -> Iterator[bytes]:
    """Give of each file its path below a folder, its length, and what is in it."""
    for file in files:
        yield f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode()
        yield file.read_bytes()
