"""Write the files of a load run: HTML, JSON, Markdown, JUnit XML and CSV."""

import os
from pathlib import Path

import msgspec

from validation.core.errors import UsageError
from validation.core.files import write_whole
from validation.load.report import junit
from validation.load.report.html import render
from validation.load.report.text import markdown, timeline_csv
from validation.load.result import LoadResult

RESULT = "load.json"
JUNIT = "junit.xml"
LOCUST_FILES = {"Locust's own report": "locust.html", "Locust's statistics": "locust_stats.csv", "Locust log": "locust.log"}
RUNS_MAX = 10
"""Load runs that an error names."""


def write(folder: Path, result: LoadResult) -> None:
    """Write all files into the folder of a run, and point `load-latest` beside it there."""
    write_whole(folder / RESULT, msgspec.json.format(msgspec.json.encode(result)))
    write_whole(folder / "seconds.csv", timeline_csv(result))
    write_whole(folder / "load.md", markdown(result))
    write_whole(folder / JUNIT, junit.render(result))
    links = {name: file for name, file in LOCUST_FILES.items() if (folder / file).is_file()}
    page = render(result, {**links, "Each second": "seconds.csv", "Full data (JSON)": RESULT})
    write_whole(folder / "index.html", page)
    latest, new = folder.parent / "load-latest", folder.parent / f".load-latest-{os.getpid()}"
    new.symlink_to(folder.name)
    new.replace(latest)


def read(folder: Path) -> LoadResult:
    """Read the result of a load run.

    Raises:
        UsageError: the folder holds no readable result.
    """
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=LoadResult)
    except FileNotFoundError:
        names = sorted(one.parent.name for one in folder.parent.glob(f"*/{RESULT}") if not one.parent.is_symlink())
        known = "".join(f"\n  {name}" for name in names[-RUNS_MAX:]) or " none"
        raise UsageError(
            f"There is no load run {folder.name} in {folder.parent}. Latest runs:{known}", "", "votecheck load baseline"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"Cannot read a load run in {folder}: {error}.", "", "votecheck load baseline") from None
