"""What else changed between two runs, besides verdicts, findings and durations: as far as their records and packs hold it."""

import difflib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from validation.record.events import Observed
from validation.record.merging import settings_of
from validation.record.subject import differences
from validation.record.verdicts import Run
from validation.registry.checkpoints import registry
from validation.report.across import openapi, packages
from validation.report.text import one_line

FIXED = frozenset({"files", "image"})
"""Where the same source and images give the same observation. Running systems answer with ids and times of their own."""
MANIFESTS, NETWORK = "chart/manifests.yaml", "chart/network.txt"
CHART_FILES = {MANIFESTS: "rendered chart", NETWORK: "network table"}
"""What a pack holds beside the folder of its run."""
HELD: dict[str, tuple[Callable[[Path, Path], list[str] | None], str]] = {
    "OpenAPI description": (openapi.changes, "OpenAPI description: not both runs read it (checkpoint 2.1)"),
    "Image packages": (packages.changes, "image packages: not both runs wrote SBOMs (checkpoint B13, --target containers or cluster)"),
}
"""What only some runs keep in their folder: how two are compared, and the sentence for when they cannot be."""
MEASURED_SHARE = 0.2
"""A smaller change of a measurement is noise."""
CELL_MAX, SUBJECTS_MAX, LINES_MAX = 160, 5, 40
_SHA256, _SHA256_SHOWN = "sha256:", 19

Key = tuple[str, str, str, str]
"""What identifies an observation within a checkpoint: scenario, fidelity, step and subject."""


def sections(before: Run, after: Run) -> dict[str, list[str]]:
    """Return what changed by the title of its section, each a list of lines; empty if nothing did."""
    return {
        "Subject": [_short(line) for line in differences(before.subject, after.subject)],
        "Settings": list(_settings(before, after)),
        "Observations": list(_observations(before, after)),
        "Measurements": list(_measurements(before, after)),
    }


def sections_of_packs(before: Path, after: Path) -> dict[str, list[str]]:
    """Return what changed in the files that packs hold beside the folders of these runs."""
    found: dict[str, list[str]] = {}
    for name, title in CHART_FILES.items():
        old, new = (_lines(folder.parent / name) for folder in (before, after))
        if old is not None and new is not None:
            changed = [line for line in difflib.unified_diff(old, new, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
            rest = [f"and {len(changed) - LINES_MAX} more lines"] if len(changed) > LINES_MAX else []
            found[title.capitalize()] = [*(one_line(line, CELL_MAX) for line in changed[:LINES_MAX]), *rest]
    return found


def sections_of_runs(before: Path, after: Path) -> dict[str, list[str]]:
    """Return what changed in the files that both folders hold: the OpenAPI description and the SBOMs. One that cannot be read is a line."""
    found: dict[str, list[str]] = {}
    for title, (changes, _) in HELD.items():
        try:
            changed = changes(before, after)
        except (OSError, ValueError) as error:
            changed = [one_line(f"cannot be compared: {error}", CELL_MAX)]
        if changed is not None:
            found[title] = changed
    return found


def not_compared(before: Run, after: Run, compared: Collection[str] = ()) -> list[str]:
    """Return what the two runs do not hold, and what would: one sentence each.

    Args:
        before: the earlier run.
        after: the later one.
        compared: the titles of what was compared in the files of both.
    """
    missing = []
    if not all(_looked_at_images(run) for run in (before, after)):
        missing.append("image sizes: not both runs looked at images (--target containers or cluster)")
    missing += [
        f"{title}: not both are unpacked packs (votecheck bundle)" for title in CHART_FILES.values() if title.capitalize() not in compared
    ]
    if not (before.subject.digests and after.subject.digests):
        missing.append("subject: not both records name one")
    return missing + [why for title, (_, why) in HELD.items() if title not in compared]


def _settings(before: Run, after: Run) -> Iterator[str]:
    old, new = (_settings_of(run) for run in (before, after))
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield one_line(f"{name}: {old.get(name) or 'none'} → {new.get(name) or 'none'}")


def _settings_of(run: Run) -> dict[str, str]:
    started = run.started
    waivers = " ".join(f"{one.get('id', '')} until {one.get('expires', '')}" for one in started.waivers)
    shaped = {
        "target": started.target,
        "shard": started.shard,
        "options": " ".join(settings_of(started.flags)),
        "selection": " ".join(started.selection),
        "waivers": waivers,
    }
    return shaped | {f"version of {name}": one for name, one in started.versions.items()} | dict(started.machine)


def _observations(before: Run, after: Run) -> Iterator[str]:
    """Yield, for each checkpoint that both ran, what is no longer observed, what is new, and what was observed differently."""
    old, new = (_observed(run) for run in (before, after))
    for identifier in (one for one in registry() if one in old and one in new):
        was, became = old[identifier], new[identifier]
        gone, added = (_subjects([key for key in one if key not in other]) for one, other in ((was, became), (became, was)))
        if gone:
            yield f"{identifier:<4} no longer observed: {gone}"
        if added:
            yield f"{identifier:<4} newly observed: {added}"
        for key in (key for key in was if key in became and key[1] in FIXED):
            one, other = was[key], became[key]
            if one.ok and other.ok and one.observed != other.observed:
                seen = (one_line(text, CELL_MAX) for text in (one.subject, one.observed, other.observed))
                yield "{:<4} {}: {} → {}".format(identifier, *seen)


def _observed(run: Run) -> dict[str, dict[Key, Observed]]:
    """Return the observations of each checkpoint that ran. Of several with one key the last counts."""
    return {
        result.checkpoint.id: {(s.name, s.fidelity, o.step, o.subject): o for s in result.scenarios for o in s.observations}
        for result in run.results
        if result.scenarios
    }


def _subjects(keys: list[Key]) -> str:
    shown = ", ".join(one_line(f"{subject} ({scenario})", CELL_MAX) for scenario, _, _, subject in keys[:SUBJECTS_MAX])
    rest = len(keys) - SUBJECTS_MAX
    return shown + (f" and {rest} more" if rest > 0 else "")


def _measurements(before: Run, after: Run) -> Iterator[str]:
    old, new = ({m.name: m for m in run.measurements} for run in (before, after))
    for name in (name for name in old if name in new):
        was, became, unit = old[name].value, new[name].value, one_line(new[name].unit)
        if was != became and abs(became - was) >= MEASURED_SHARE * abs(was):
            change = f"  ({100 * (became - was) / abs(was):+.0f} %)" if was else ""
            yield f"{one_line(name, CELL_MAX)}: {was:g} → {became:g} {unit}".rstrip() + change


def _looked_at_images(run: Run) -> bool:
    return any(s.fidelity == "image" for result in run.results for s in result.scenarios)


def _lines(file: Path) -> list[str] | None:
    return file.read_text(encoding="utf-8", errors="backslashreplace").splitlines() if file.is_file() else None


def _short(line: str) -> str:
    """Return a line with its digests shortened and its commits, too."""
    words = [word[:_SHA256_SHOWN] if word.startswith(_SHA256) else word for word in line.replace(",", " ,").split(" ")]
    return one_line(" ".join(words).replace(" ,", ","))
