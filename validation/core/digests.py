"""The input of a digest over files: their names and contents, and nothing else."""

from collections.abc import Iterable, Iterator
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without byte code."""
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.relative_to(folder).parts]


def contents(folder: Path, files: Iterable[Path]) -> Iterator[bytes]:
    """Yield for each file its path relative to a folder with its size in bytes, then its content."""
    for file in files:
        yield f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode()
        yield file.read_bytes()
