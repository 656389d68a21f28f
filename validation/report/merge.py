"""Merges the folders of shards into the folder of one run."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.record.events import Event, RunStarted
from validation.record.merging import REPORTS, Part, merged, settings_of
from validation.record.recorder import Recorder, read
from validation.record.run_ids import RECORD, new_run_id
from validation.report.provenance import kept, part_of
from validation.report.verify import verify
from validation.report.write import LATEST, RENDERERS


def merge(given: Sequence[Path], reports: Path) -> Path:
    """Write the record of a run that was split over shards, and return its folder.

    Args:
        given: folders of shards, or folders with one or more of them, such as downloaded reports.
        reports: the folder for the new run.

    Raises:
        UsageError: a shard does not verify, or the shards do not make one run.
    """
    folders = list(dict.fromkeys(folder for one in given for folder in _runs_in(one)))
    for folder in folders:
        if problems := verify(folder):
            name = next((one.shard for one in _events(folder) if isinstance(one, RunStarted)), "") if _readable(folder) else ""
            raise UsageError(f"Shard {name or folder.name} in {folder} does not verify: {problems[0]}", "it was changed after the run")
    parts = [part_of(folder / RECORD, str(folder)) for folder in folders]
    reports = reports.resolve()
    run = new_run_id()
    flags = settings_of(parts[0].started.flags) if parts else []
    flags += [REPORTS, str(reports)] if reports != Path.cwd() / "reports" else []
    events = list(merged(parts, run, flags))
    whole = reports / run
    for name, file in _files(parts, folders).items():
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, whole / name)
    recorder = Recorder(whole / RECORD)
    for event in events:
        recorder.emit(event)
    recorder.close()
    return whole


def _runs_in(given: Path) -> Iterator[Path]:
    """Yield the folders of runs at a path: itself, or those below it. A link or copy named `latest` is one of the others.

    Raises:
        UsageError: there are none.
    """
    if (given / RECORD).is_file():
        yield given.resolve()
        return
    found = sorted(file.parent.resolve() for depth in ("*", "*/*") for file in given.glob(f"{depth}/{RECORD}") if _is_run(file))
    if not found:
        raise UsageError(f"There is no record of a run in {given}.", "", "votecheck run --shard 1/2")
    yield from found


def _is_run(record: Path) -> bool:
    with record.open(encoding="utf-8") as lines:
        return record.parent.name != LATEST and '"event":"run_started"' in lines.readline()


def _events(folder: Path) -> list[Event]:
    return list(read(folder / RECORD))


def _readable(folder: Path) -> bool:
    try:
        return bool(_events(folder))
    except (UsageError, msgspec.DecodeError):
        return False


def _files(parts: Sequence[Part], folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files to copy, by name in the new folder: each shard's record, and all that events may refer to.

    Raises:
        UsageError: two shards have a file of the same name with different contents.
    """
    found: dict[str, Path] = {}
    for part, folder in zip(parts, folders, strict=True):
        for file in (file for file in sorted(folder.rglob("*")) if file.is_file()):
            name = str(file.relative_to(folder))
            if name in RENDERERS:
                continue
            copied = found.setdefault(kept(part.started.shard) if name == RECORD else name, file)
            if copied.read_bytes() != file.read_bytes():
                raise UsageError(f"{part} has another file {name} than an earlier shard.")
    return found
