"""What changed since the last release, for people and machines: commits, chart, changed parts, verdicts and waivers."""

from collections.abc import Iterable, Iterator
from typing import Any

from validation.record.events import text
from validation.record.last_release import LastRelease
from validation.record.subject import Subject
from validation.record.verdicts import Run
from validation.registry.checkpoints import registry
from validation.report.subject import COMMIT_SHOWN, NAMED
from validation.report.text import counted

TITLE = "Since the last release"
NONE = "No earlier release was named. Try: votecheck run --since PACK"
IMAGES = "images"
IDS_SHOWN = 12
_NEW, _GONE, _OUT_OF_SCOPE = "new, or not in scope then", "no longer a checkpoint", "not in scope here"


def facts(run: Run) -> dict[str, str]:
    """Return what changed since the last release by name, one line each; empty if none was named."""
    last = run.last_release
    if last is None:
        return {}
    return {
        "release": _release(last),
        "commit": _commit(last, run.subject),
        "chart": _both(last.subject.chart_version, run.subject.chart_version),
        "parts": _listed(parts(last.subject, run.subject)),
        "verdicts": "; ".join(_verdicts(run, last)) or "none changed",
        "waivers": _listed(_waivers(run, last)) or "none added, none gone",
    }


def as_data(run: Run) -> dict[str, Any] | None:
    """Return what changed since the last release, for `results.json`; None if none was named."""
    last = run.last_release
    if last is None:
        return None
    changed, changes, waivers = parts(last.subject, run.subject), verdicts(run, last), _waivers(run, last)
    return {
        "run": text(last.run),
        "target": text(last.target),
        "started": text(last.started),
        "verdict": text(last.verdict),
        "recomputed": last.recomputed,
        "commit": text(last.subject.commit),
        "commits": last.commits,
        "commits_gone": last.commits_gone,
        "chart_version": text(last.subject.chart_version),
        "changed": changed.get("changed", []),
        "unknown": changed.get("unknown", []),
        "verdicts": [{"id": text(one), "before": text(was), "after": became} for one, (was, became) in changes.items()],
        "waivers_added": [text(one) for one in waivers.get("added", [])],
        "waivers_gone": [text(one) for one in waivers.get("gone", [])],
    }


def parts(before: Subject, after: Subject) -> dict[str, list[str]]:
    """Return which parts of a release changed, are the same or are not known, by these words. Words without a part are left out."""
    pairs = {name: (before.digests.get(name), after.digests.get(name)) for name in NAMED} | {IMAGES: (before.images, after.images)}
    found: dict[str, list[str]] = {"changed": [], "the same": [], "unknown": []}
    for name, (was, now) in pairs.items():
        found["unknown" if not (was and now) else "the same" if was == now else "changed"].append(name)
    return {word: names for word, names in found.items() if names}


def verdicts(run: Run, last: LastRelease) -> dict[str, tuple[str, str]]:
    """Return the verdict before and after of each checkpoint for which it differs; empty where it was not in scope."""
    now = {result.checkpoint.id: str(result.verdict) for result in run.results}
    both = {one: (last.verdicts.get(one, ""), now.get(one, "")) for one in [*registry(), *last.verdicts]}
    return {one: (was, became) for one, (was, became) in both.items() if was != became}


def _verdicts(run: Run, last: LastRelease) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for one, (was, became) in verdicts(run, last).items():
        left = _OUT_OF_SCOPE if one in registry() else _GONE
        groups.setdefault(left if not became else f"{was} → {became}" if was else _NEW, []).append(one)
    order = [*sorted(groups.keys() - {_NEW, _GONE, _OUT_OF_SCOPE}), *(one for one in (_NEW, _GONE, _OUT_OF_SCOPE) if one in groups)]
    yield from (f"{change}: {_shown(groups[change])}" for change in order)


def _shown(ids: list[str]) -> str:
    rest = len(ids) - IDS_SHOWN
    return ", ".join(ids[:IDS_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _release(last: LastRelease) -> str:
    said = f"run {last.run} of {last.started[:10] or 'an unknown day'}, {last.verdict}, target {last.target}"
    return said if last.recomputed else f"{said}; its files are those of its statement, but another state of votecheck decided its verdict"


def _commit(last: LastRelease, subject: Subject) -> str:
    commits = _both(last.subject.commit[:COMMIT_SHOWN], subject.commit[:COMMIT_SHOWN])
    if last.commits is None or last.subject.commit == subject.commit:
        return commits
    gone = f"; {counted(last.commits_gone, 'commit')} of the last release gone" if last.commits_gone else ""
    return f"{commits} ({counted(last.commits, 'commit')}{gone})"


def _both(was: str, now: str) -> str:
    return f"{was} (the same)" if was == now != "" else f"{was or 'unknown'} → {now or 'unknown'}"


def _listed(groups: dict[str, list[str]]) -> str:
    return "; ".join(f"{word}: {', '.join(items)}" for word, items in groups.items())


def _waivers(run: Run, last: LastRelease) -> dict[str, list[str]]:
    """Return which waivers were added and which are gone. The same finding until another day is both."""
    before, after = _written(last.waivers), _written(run.started.waivers)
    found = {"added": [one for one in after if one not in before], "gone": [one for one in before if one not in after]}
    return {word: waivers for word, waivers in found.items() if waivers}


def _written(waivers: Iterable[dict[str, str]]) -> list[str]:
    return [f"{w.get('id', '')} {w.get('finding', '')} ({w.get('owner', '')}, until {w.get('expires', '')})" for w in waivers]
