"""Steps that compare each document with what it describes."""

import difflib
import re
import tomllib
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from pytest_bdd import parsers, then, when

from validation.core.collections import every
from validation.core.settings import RunSettings
from validation.defects.catalogue import catalogue
from validation.probes.source import documents, generated, markdown, scenarios
from validation.probes.source.constants import assignments, tree, value
from validation.probes.source.documents import Record, Release
from validation.probes.source.scenarios import Scenario
from validation.record.observe import Observe
from validation.registry.checkpoints import BEYOND, registry
from validation.registry.claims import claims, proven

PHASE = re.compile(r"Phase \d: .+ \((\d+)\)")
"""A heading of the protocol document, with the number of its checkpoints."""
VERDICTS = ("PASSED", "NOT PROVEN")
"""The verdicts that a record may state: a release has no FAILED checkpoint."""


@when(parsers.parse("the record of phase {phase:d} is read"), target_fixture="record")
def read_record(phase: int, settings: RunSettings, observe: Observe) -> Record:
    found = documents.record(settings.source, phase)
    observe(f"docs/results/phases/phase-{phase}.md", expected="exists", observed="exists" if found else "missing", remedy="write it")
    return found or Record((), (), (), None, "")


@then("it links the decisions of the phase, and each link resolves")
def links_resolve(record: Record, observe: Observe) -> None:
    observe(
        "linked decisions", expected="at least one", observed=record.decided, holds=bool(record.decided), remedy="link a file in docs/adr"
    )
    observe("broken links to decisions", expected=(), observed=record.broken)


@then(parsers.parse("it lists every checkpoint of phase {phase:d} once, with a verdict and a result"))
def lists_checkpoints(phase: int, record: Record, observe: Observe) -> None:
    expected = [c.id for c in registry().values() if c.phase == phase]
    observe("checkpoints in the record", expected=expected, observed=[row.checkpoint for row in record.rows], remedy="votecheck list")
    with observe.together():
        for row in record.rows:
            observe(f"verdict of {row.checkpoint}", expected=" or ".join(VERDICTS), observed=row.verdict, holds=row.verdict in VERDICTS)
            observe(f"result of {row.checkpoint}", expected="a result", observed=row.result, holds=bool(row.result.strip(" -")))


@then("it states when and on what kind of machine the results were measured")
def states_when(record: Record, observe: Observe) -> None:
    day = record.day
    observe("day of the results", expected="a day that is not in the future", observed=str(day), holds=day is not None and day <= _today())
    observe(
        "machine of the results",
        expected="its kind",
        observed=record.machine,
        holds=bool(record.machine),
        remedy="Measured on DAY, MACHINE",
    )


@when("the README is compared with the code", target_fixture="readme")
def read_readme(settings: RunSettings, observe: Observe) -> str:
    return _read(settings.source, "README.md", observe)


@then("its versions are those of the package and of the system")
def versions_match(readme: str, settings: RunSettings, observe: Observe) -> None:
    init = tree(settings.source / "system" / "__init__.py")
    code = {
        "release": _package_version(settings.source),
        "API": value(assignments(init)["API_VERSION"], init, settings.source),
        "consumer": value(assignments(init)["CONSUMER_VERSION"], init, settings.source),
    }
    stated = {row[0]: row[1] for row in markdown.table_rows(readme) if row[0] in code}
    observe("versions in the README", expected=code, observed=stated, remedy="correct the table of versions in README.md")


@then("its status is the latest release of the changelog")
def status_matches(readme: str, settings: RunSettings, observe: Observe) -> None:
    latest = _releases(settings.source, observe)[0]
    status = re.search(r"^Status: (.+?)\.?$", readme, re.MULTILINE)
    expected = f"{latest.version}, released {latest.day}"
    observe("status in the README", expected=expected, observed=status[1] if status else "no line `Status: …`")


@then("its numbers of claims, mutants and seeded defects are those of the registries and of the latest draw")
def numbers_match(readme: str, settings: RunSettings, observe: Observe) -> None:
    known = claims().values()
    drawn = re.search(r"^In short: (\d+ of \d+) mutants", _read(settings.source, "docs/results/mutants.md", observe), re.MULTILINE)
    expected = {
        "claims that are proven": f"{proven(known)} of {len(known)}",
        "mutants of the system that were caught": drawn[1] if drawn else "no line `In short: …`",
        "seeded defects": str(len(catalogue())),
    }
    stated = {row[0]: row[1] for row in markdown.table_rows(readme) if row[0] in expected}
    observe("numbers in the README", expected=expected, observed=stated, remedy="correct the table of numbers in README.md")


@when("the changelog is read", target_fixture="released")
def read_changelog(settings: RunSettings, observe: Observe) -> list[Release]:
    return _releases(settings.source, observe)


@then("its latest release is the version of the package, with a day that is not in the future")
def latest_release_is_current(released: list[Release], settings: RunSettings, observe: Observe) -> None:
    latest = released[0]
    observe(
        "latest release in the changelog",
        expected=_package_version(settings.source),
        observed=latest.version,
        remedy="CHANGELOG.md, pyproject.toml",
    )
    observe(
        "day of the release",
        expected="a day that is not in the future",
        observed=str(latest.day),
        holds=latest.day is not None and latest.day <= _today(),
    )


@then("the releases are in descending order, each with its changes")
def releases_descend(released: list[Release], observe: Observe) -> None:
    order = [tuple(int(part) for part in re.findall(r"\d+", r.version)) for r in released]
    observe("order of the releases", expected=sorted(set(order), reverse=True), observed=order)
    expected = f"points under {', '.join(documents.CHANGES)}"
    with observe.together():
        for release in released:
            right = every(name in documents.CHANGES and points for name, points in release.changes.items())
            observe(f"changes of {release.version}", expected=expected, observed=release.changes, holds=right and release.day is not None)


@when("the roadmap is read", target_fixture="plans")
def read_roadmap(settings: RunSettings, observe: Observe) -> list[str]:
    return documents.items(_read(settings.source, "ROADMAP.md", observe))


@then("it has at least one plan")
def has_plans(plans: list[str], observe: Observe) -> None:
    observe("plans in ROADMAP.md", expected="at least one", observed=plans, holds=bool(plans))


@then("the changelog lists none of its plans as done")
def plans_are_open(plans: list[str], settings: RunSettings, observe: Observe) -> None:
    done = {point.casefold() for r in _releases(settings.source, observe) for points in r.changes.values() for point in points}
    observe(
        "plans that the changelog lists as done",
        expected=[],
        observed=[p for p in plans if p.casefold() in done],
        remedy="remove them from ROADMAP.md",
    )


@when("the protocol document is compared with the registry", target_fixture="difference")
def compare_protocol(settings: RunSettings, observe: Observe) -> list[str]:
    return _difference(_read(settings.source, generated.CHECKPOINTS, observe), generated.checkpoints(settings.source))


@when("the configuration reference is compared with the settings", target_fixture="difference")
def compare_variables(settings: RunSettings, observe: Observe) -> list[str]:
    return _difference(_read(settings.source, generated.CONFIGURATION, observe), generated.configuration(settings.source))


@when("the page of claims is compared with the registry", target_fixture="difference")
def compare_claims(settings: RunSettings, observe: Observe) -> list[str]:
    return _difference(_read(settings.source, generated.CLAIMS, observe), generated.claims())


@then(parsers.re(r"(?P<document>the protocol document|the configuration reference|the page of claims) is up to date"))
def up_to_date(document: str, difference: list[str], observe: Observe) -> None:
    command = "VOTECHECK_REGENERATE=1 .venv/bin/python -m pytest tests/hygiene"
    observe(f"outdated lines of {document}", expected=[], observed=difference, remedy=command)


@when("the checkpoints of each phase are counted", target_fixture="counts")
def count_checkpoints(settings: RunSettings, observe: Observe) -> list[int]:
    headings = [heading for heading, _ in markdown.sections(_read(settings.source, generated.CHECKPOINTS, observe), 2)]
    return [int(found[1]) for heading in headings if (found := PHASE.fullmatch(heading))]


@then("the counts are 3, 5, 5, 5, 5, 4, 1 and 4")
def counts_are(counts: list[int], observe: Observe) -> None:
    phases = Counter(c.phase for c in registry().values() if c.phase != BEYOND)
    observe("checkpoints per phase in the registry", expected=[3, 5, 5, 5, 5, 4, 1, 4], observed=[phases[n] for n in sorted(phases)])
    observe("checkpoints per phase in the document", expected=[3, 5, 5, 5, 5, 4, 1, 4], observed=counts)


@when("every feature file is read", target_fixture="written")
def read_features(settings: RunSettings) -> list[Scenario]:
    return scenarios.read(settings.source)


@then("every checkpoint of the registry has a scenario")
def each_has_scenario(written: list[Scenario], observe: Observe) -> None:
    covered = {tag for one in written for tag in one.checkpoints}
    observe("checkpoints without a scenario", expected=[], observed=[c.id for c in registry().values() if c.mark not in covered])


@then("every scenario belongs to exactly one checkpoint of the registry")
def each_has_checkpoint(written: list[Scenario], observe: Observe) -> None:
    known = {c.mark: c for c in registry().values()}
    with observe.together():
        for one in written:
            tags = one.checkpoints
            right = len(tags) == 1 and tags[0] in known and f"phase_{known[tags[0]].phase}" in one.tags
            observe(f"{one.feature}: {one.name}", expected="one checkpoint and its phase", observed=one.tags, holds=right)


@then("no two scenarios of a feature share a name")
def names_differ(written: list[Scenario], observe: Observe) -> None:
    twice = [f"{feature}: {name}" for (feature, name), times in Counter((w.feature, w.name) for w in written).items() if times > 1]
    observe("duplicate scenario names", expected=[], observed=twice, remedy="rename one: pytest-bdd would run only one of them")


def _today() -> date:
    return datetime.now(UTC).date()


def _read(source: Path, name: str, observe: Observe) -> str:
    exists = (source / name).is_file()
    observe(name, expected="exists", observed="exists" if exists else "missing", remedy=f"write {name}")
    return documents.text(source, name)


def _releases(source: Path, observe: Observe) -> list[Release]:
    found = documents.releases(_read(source, "CHANGELOG.md", observe))
    observe("releases in CHANGELOG.md", expected="at least one", observed=[r.version for r in found], holds=bool(found))
    return found


def _package_version(source: Path) -> str:
    with (source / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _difference(actual: str, generated_text: str) -> list[str]:
    lines = difflib.unified_diff(actual.splitlines(), generated_text.splitlines(), "actual", "generated", lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
