"""What a run validated, and with what: commits, digests of files and images, and the servers that took part."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from validation.core.digests import contents, files_below
from validation.core.git import git

SOURCE = ("system", "chart", "docs", "compose.yaml", "Makefile", "README.md", "CHANGELOG.md")
"""The files and folders of a source that checkpoints validate."""
HARNESS = ("features", "validation", "loadtests", "conftest.py", "pyproject.toml", "requirements.txt")
"""The files and folders that validate them."""
CHANGED_MAX = 50


class Subject(msgspec.Struct, frozen=True):
    """What a run validated. A part that could not be read is empty, and a report calls it unknown.

    Attributes:
        commit: of the source; empty: it is not the root of a git checkout.
        harness_commit: of the harness; differs from `commit` if the source is another folder.
        changed: files of source and harness that differ from their commit, at most `CHANGED_MAX`.
        changed_count: how many there are.
        digests: SHA-256 of each file and folder in `SOURCE` and `HARNESS`, by its name.
        chart_version: the version in `chart/Chart.yaml`.
        images: digest of each image, by its name. In a cluster these are the ones that the pods run.
        servers: product and version of each server, as it states them; of an external one also its address without secrets.
    """

    commit: str = ""
    harness_commit: str = ""
    changed: list[str] = []
    changed_count: int = 0
    digests: dict[str, str] = {}
    chart_version: str = ""
    images: dict[str, str] = {}
    servers: dict[str, str] = {}


def read_subject(source: Path, harness: Path) -> Subject:
    """Return what can be read from files.

    Args:
        source: the folder with `system/` and `chart/`.
        harness: the folder with `validation/` and `features/`.
    """
    changed = [*_changed(source, SOURCE), *_changed(harness, HARNESS)]
    return Subject(
        commit=_commit(source),
        harness_commit=_commit(harness),
        changed=changed[:CHANGED_MAX],
        changed_count=len(changed),
        digests={**_digests(source, SOURCE), **_digests(harness, HARNESS)},
        chart_version=_chart_version(source),
    )


def merged(subjects: Iterable[Subject]) -> Subject:
    """Return all that is known of a subject from what was seen at several moments; the first one counts where they differ."""
    images, servers, first = dict[str, str](), dict[str, str](), None
    for one in subjects:
        first = first or one
        images, servers = {**one.images, **images}, {**one.servers, **servers}
    return msgspec.structs.replace(first or Subject(), images=images, servers=servers)


def differences(before: Subject, after: Subject) -> list[str]:
    """Return what changed between two moments, each as `name: before, then after`. What was read at one of them alone did not change."""
    both = dict[str, tuple[str, str]]()
    if before.digests and after.digests:
        both |= {"commit": (before.commit, after.commit), "commit of the harness": (before.harness_commit, after.harness_commit)}
        both |= {name: (before.digests.get(name, ""), after.digests.get(name, "")) for name in before.digests | after.digests}
    for was, now in ((before.images, after.images), (before.servers, after.servers)):
        both |= {name: (was[name], now[name]) for name in was if name in now}
    return [f"{name}: {was or 'none'}, then {now or 'none'}" for name, (was, now) in both.items() if was != now]


def _commit(folder: Path) -> str:
    """Return the commit of a checkout. A folder inside another repository does not belong to that one's commit."""
    return (git(folder, "rev-parse", "HEAD") or "").strip() if (folder / ".git").exists() else ""


def _changed(folder: Path, names: Iterable[str]) -> list[str]:
    if not (folder / ".git").exists():
        return []
    listed = git(folder, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *names) or ""
    return sorted(entry[3:] for entry in listed.split("\0") if entry)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: _digest(folder / name) for name in names if (folder / name).exists()}


def _digest(place: Path) -> str:
    files = files_below(place) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for piece in contents(place.parent, files):
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def _chart_version(source: Path) -> str:
    import yaml  # noqa: PLC0415 - `--help` needs none

    try:
        chart: Any = yaml.safe_load((source / "chart" / "Chart.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(chart.get("version", "")) if isinstance(chart, Mapping) else ""
