"""Reads the run of an earlier release, from its pack or its folder. One that was altered is refused."""

import re
from pathlib import Path

import msgspec

from validation.core.commands import command
from validation.core.errors import UsageError
from validation.core.git import git
from validation.pack.archive import is_pack, opened
from validation.pack.verification import made_by_this, verify_files, verify_run
from validation.record.events import RunStarted
from validation.record.last_release import LastRelease
from validation.record.recorder import read as read_record
from validation.record.run_ids import RECORD
from validation.record.subject import Subject
from validation.report.across.summaries import Summary
from validation.report.results_json import RESULTS
from validation.report.verify import verify

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def read_last_release(place: Path, source: Path) -> LastRelease:
    """Return what a run needs to know of an earlier one.

    Args:
        place: an archive or a folder of a pack, or the folder of a run.
        source: the source that the new run validates, to count the commits in between.

    Raises:
        UsageError: it is something else, cannot be read, or was altered.
    """
    try:
        if is_pack(place):
            with opened(place) as pack:
                return _of_pack(place, pack, source)
        if not (place / RECORD).is_file():
            raise UsageError(f"{place} is neither a pack nor the folder of a run.", "a wrong --since", "votecheck history")
        if problems := verify(place):
            raise _altered(place, problems[0])
        return _of_run(place, source, recomputed=True)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise UsageError(f"Cannot read the last release {place}: {error}", "another version wrote it", "votecheck bundle") from error


def _of_pack(place: Path, pack: Path, source: Path) -> LastRelease:
    found = verify_files(pack, None)
    if found.problems:
        raise _altered(place, found.problems[0])
    folders = [file.parent for file in pack.glob(f"*/{RECORD}")]
    if len(folders) != 1:
        raise UsageError(f"{place} does not hold exactly one run.", "", "votecheck bundle")
    recomputed = made_by_this(_summary(folders[0]).subject or Subject())
    if recomputed:
        verify_run(pack, found)
        if found.problems:
            raise _altered(place, found.problems[0])
    return _of_run(folders[0], source, recomputed=recomputed)


def _altered(place: Path, problem: str) -> UsageError:
    return UsageError(
        f"The last release {place} does not verify: {problem}", "it was changed after the run", command("votecheck", "verify", str(place))
    )


def _of_run(folder: Path, source: Path, *, recomputed: bool) -> LastRelease:
    summary, first = _summary(folder), next(read_record(folder / RECORD), None)
    if not isinstance(first, RunStarted):
        raise UsageError(f"The record in {folder} has no start.", "the run was stopped at once", "votecheck history")
    subject = summary.subject or Subject()
    gone, added = _commits_between(source, subject.commit)
    return LastRelease(
        run=summary.run,
        target=summary.target,
        started=summary.started,
        verdict=summary.verdict,
        subject=subject,
        verdicts={one.id: one.verdict for one in summary.every},
        waivers=first.waivers,
        commits=added,
        commits_gone=gone,
        recomputed=recomputed,
    )


def _summary(folder: Path) -> Summary:
    return msgspec.json.decode((folder / RESULTS).read_bytes(), type=Summary)


def _commits_between(source: Path, commit: str) -> tuple[int, int | None]:
    """Return how many commits only the last release has, and how many only the source has; 0 and None if git does not know."""
    if not _COMMIT.fullmatch(commit) or not (source / ".git").exists():
        return 0, None
    if (git(source, "rev-parse", "--is-shallow-repository") or "").strip() != "false":
        return 0, None
    counted = (git(source, "rev-list", "--left-right", "--count", f"{commit}...HEAD") or "").split()
    return (int(counted[0]), int(counted[1])) if len(counted) == 2 else (0, None)  # noqa: PLR2004 - one on each side
