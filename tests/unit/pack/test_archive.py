"""An archive from a stranger can neither fill the disk nor write outside its folder."""

import io
import tarfile
from pathlib import Path

import pytest

from validation.core.errors import UsageError
from validation.pack import archive


def tar(file: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as made:
        for entry, content in entries:
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return file


def kind(name: str, type_: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = type_, "/etc/passwd"
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        tarfile.TarInfo("../outside"), tarfile.TarInfo("a/../../outside"),
        kind("a/link", tarfile.SYMTYPE), kind("a/hard", tarfile.LNKTYPE), kind("a/device", tarfile.CHRTYPE),
        kind("a/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda entry: entry.name,
)  # fmt: skip
def test_an_entry_that_is_not_a_file_below_the_folder_is_refused(entry: tarfile.TarInfo, tmp_path: Path) -> None:
    file = tar(tmp_path / "x.tar.gz", (entry, b""))
    with pytest.raises(UsageError, match="is not a file inside its folder"), archive.opened(file):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar.gz"]


@pytest.mark.parametrize(("files", "size"), [(2, 2**30), (1, 10)], ids=["too many files", "too many bytes"])
def test_what_unpacks_to_too_much_is_refused(files: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FILES_MAX", files)
    monkeypatch.setattr(archive, "BYTES_MAX", size)
    file = tar(tmp_path / "x.tar.gz", *((tarfile.TarInfo(f"a/{number}"), b"12345") for number in range(3)))
    with pytest.raises(UsageError, match="it unpacks to more than"), archive.opened(file):
        pass


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_not_an_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(UsageError, match="is not a pack"), archive.opened(tmp_path / "x.tar.gz"):
        pass


def test_an_archive_of_two_folders_is_refused(tmp_path: Path) -> None:
    file = tar(tmp_path / "x.tar.gz", (tarfile.TarInfo("a/1"), b""), (tarfile.TarInfo("b/1"), b""))
    with pytest.raises(UsageError, match="exactly one folder"), archive.opened(file):
        pass


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    written = archive.write(tmp_path / "one.pack", {"a": b"x" * 5000, "b/c": bytes(range(256)) * 40})
    (tmp_path / "cut.tar.gz").write_bytes(written.read_bytes()[:-40])
    with pytest.raises(UsageError, match="is not a pack"), archive.opened(tmp_path / "cut.tar.gz"):
        pass
