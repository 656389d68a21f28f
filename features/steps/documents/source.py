"""Steps that check the source files: every reference exists, and facts stated in several places match."""

from packaging.utils import canonicalize_name
from pytest_bdd import given, parsers, then, when

from validation.core.settings import PROJECT, RunSettings
from validation.probes.source import completeness, facts, scenarios
from validation.probes.source.completeness import Reference
from validation.probes.source.facts import Statement
from validation.record.observe import Observe


@when("every module of the system is imported by a fresh interpreter", target_fixture="imported")
def import_modules(settings: RunSettings) -> dict[str, str]:
    return completeness.import_all(settings.source, completeness.modules(settings.source))


@then("every import succeeds")
def every_import_succeeds(imported: dict[str, str], observe: Observe) -> None:
    observe(
        "modules of system/", expected="some", observed=len(imported), holds=bool(imported), remedy="pass the project's folder as --source"
    )
    with observe.together():
        for module, problem in imported.items():
            observe(f"import {module}", expected="no error", observed=problem or "no error", remedy=f"python -c 'import {module}'")


@when(parsers.parse("the modules that {files} runs are looked up"), target_fixture="references")
def look_up_modules(files: str, settings: RunSettings) -> list[Reference]:
    return completeness.run_modules(settings.source, files)


@then("there is at least one, and each of them exists")
def each_module_exists(references: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("modules that it runs", expected="at least one", observed=[n.target for n in references], holds=bool(references))
    _importable(settings, observe, references, [f"-m {n.target}" for n in references])


@when("the commands that the package installs are looked up", target_fixture="references")
def look_up_commands(settings: RunSettings) -> list[Reference]:
    return completeness.entry_points(settings.source)


@then("there is at least one, and each of them imports")
def each_command_imports(references: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("commands of the package", expected="at least one", observed=[n.target for n in references], holds=bool(references))
    _importable(settings, observe, references, [n.target for n in references])


@when(parsers.re(r"the files that (?P<what>an image copies|the chart includes) are looked up"), target_fixture="references")
def look_up_files(what: str, settings: RunSettings) -> list[Reference]:
    return (
        completeness.copied(settings.source, "system/images/*.Dockerfile") if "image" in what else completeness.chart_files(settings.source)
    )


@then(parsers.re(r"the list has at least (?P<few>\d+) files?, and each of them exists"), converters={"few": int})
def each_file_exists(few: int, references: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("referenced files", expected=f"at least {few}", observed=[n.target for n in references], holds=len(references) >= few)
    with observe.together():
        for one in references:
            missing = completeness.missing(settings.source, [one])
            observed = "missing" if missing else "exists"
            observe(f"{one.target}, referenced by {one.source}", expected="exists", observed=observed, remedy=f"see {one.source}")


@when(parsers.parse("the libraries that the {part} image imports are looked up"), target_fixture="libraries")
def look_up_libraries(part: str, settings: RunSettings) -> dict[str, set[str]]:
    return completeness.libraries(settings.source, part)


@then(parsers.parse("there is at least one, and {requirements} pins each of them"))
def each_library_is_pinned(requirements: str, libraries: dict[str, set[str]], settings: RunSettings, observe: Observe) -> None:
    pinned = completeness.pinned(settings.source / "system" / "images" / requirements)
    without = [name for name, packages in libraries.items() if pinned.isdisjoint(map(canonicalize_name, packages))]
    observe("imported libraries", expected="at least one", observed=sorted(libraries), holds=bool(libraries))
    observe(f"libraries that are imported and not in {requirements}", expected=[], observed=without, evidence="\n".join(sorted(pinned)),
            remedy="add it to the extra of this part in pyproject.toml, then make lock")  # fmt: skip


@given("the registry of facts", target_fixture="registered")
def registered_facts() -> list[str]:
    return sorted(facts.facts())


@then(parsers.parse('its facts are the examples of "{outline}"'))
def facts_are_the_examples(outline: str, registered: list[str], observe: Observe) -> None:
    examples = [row[0] for one in scenarios.read(PROJECT) if one.name == outline for row in one.examples]
    remedy = "list the same facts in validation/registry/facts.toml and in the examples"
    for fact in sorted({*registered, *examples}):
        listed = [place for place, names in (("registry", registered), ("examples", examples)) if fact in names]
        observe(f"where the fact is listed: {fact}", expected=["registry", "examples"], observed=listed, remedy=remedy)


@when(parsers.parse("every place that states the {fact} is read"), target_fixture="stated")
def read_places(fact: str, settings: RunSettings) -> list[Statement]:
    return [facts.read(settings.source, place) for place in facts.facts()[fact]["places"]]


@then(parsers.parse("all of them state the same {fact}"))
def all_state_the_same(fact: str, stated: list[Statement], observe: Observe) -> None:
    home, *others = stated
    observe(f"{fact} in its home, {home.location}", expected="a value", observed=home.problem or home.values, holds=not home.problem)
    may_state_more = facts.facts()[fact].get("more", False)
    with observe.together():
        for place in others:
            same = set(home.values) <= set(place.values) if may_state_more else home.values == place.values
            observe(
                f"{fact} in {place.location}",
                expected=", ".join(home.values),
                observed=place.problem or ", ".join(place.values),
                holds=same and not place.problem,
                remedy=f"make it match its home, {home.location}",
                evidence=f"read by {place.pattern}" if place.pattern else "",
            )


def _importable(settings: RunSettings, observe: Observe, references: list[Reference], names: list[str]) -> None:
    problems = completeness.import_all(settings.source, names)
    with observe.together():
        for one, name in zip(references, names, strict=True):
            observe(
                f"{one.target}, referenced by {one.source}",
                expected="exists",
                observed=problems[name] or "exists",
                remedy=f"see {one.source}",
            )
