"""Steps about the source as it lies there: what it names exists, what it states agrees."""

from pytest_bdd import given, parsers, then, when

from validation.core.settings import PROJECT, RunSettings
from validation.probes.source import completeness, facts, scenarios
from validation.probes.source.completeness import Reference
from validation.probes.source.facts import Statement
from validation.record.observe import Observe


@when("every module of the system is imported by a fresh interpreter", target_fixture="imported")
def import_modules(settings: RunSettings) -> dict[str, str]:
    return completeness.import_all(settings.source, completeness.modules(settings.source))


@then("none of them fails")
def none_fails(imported: dict[str, str], observe: Observe) -> None:
    observe("modules of system/", expected="some", observed=len(imported), holds=bool(imported), remedy="is --source the project's folder?")
    with observe.together():
        for module, problem in imported.items():
            observe(f"import {module}", expected="nothing", observed=problem or "nothing", remedy=f"python -c 'import {module}'")


@when(parsers.parse("the modules that {files} runs are looked up"), target_fixture="named")
def look_up_modules(files: str, settings: RunSettings) -> list[Reference]:
    return completeness.run_modules(settings.source, files)


@then("it runs at least one, and each of them is there")
def each_module_is_there(named: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("modules that are run", expected="at least one", observed=[n.target for n in named], holds=bool(named))
    _importable(settings, observe, named, [f"-m {n.target}" for n in named])


@when("the commands that the package installs are looked up", target_fixture="named")
def look_up_commands(settings: RunSettings) -> list[Reference]:
    return completeness.entry_points(settings.source)


@then("there is at least one, and each of them imports")
def each_command_imports(named: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("commands of the package", expected="at least one", observed=[n.target for n in named], holds=bool(named))
    _importable(settings, observe, named, [n.target for n in named])


@when(parsers.re(r"the files that (?P<what>an image copies|the chart takes in) are looked up"), target_fixture="named")
def look_up_files(what: str, settings: RunSettings) -> list[Reference]:
    return (
        completeness.copied(settings.source, "system/images/*.Dockerfile") if "image" in what else completeness.chart_files(settings.source)
    )


@then(parsers.parse("at least {few:d} are named, and each of them is there"))
def each_file_is_there(few: int, named: list[Reference], settings: RunSettings, observe: Observe) -> None:
    observe("files that are named", expected=f"at least {few}", observed=[n.target for n in named], holds=len(named) >= few)
    with observe.together():
        for one in named:
            gone = completeness.missing(settings.source, [one])
            observe(
                f"{one.target}, named by {one.source}",
                expected="there",
                observed="missing" if gone else "there",
                remedy=f"see {one.source}",
            )


@given("the table of facts", target_fixture="table")
def table_of_facts() -> list[str]:
    return sorted(facts.facts())


@then(parsers.parse("each of its facts is an example of «{outline}», and no other"))
def each_is_an_example(outline: str, table: list[str], observe: Observe) -> None:
    shown = [row[0] for one in scenarios.read(PROJECT) if one.name == outline for row in one.examples]
    observe(
        "facts that are judged",
        expected=table,
        observed=sorted(shown),
        remedy="validation/registry/facts.toml and the examples name the same facts",
    )


@when(parsers.parse("every place that states the {fact} is read"), target_fixture="said")
def read_places(fact: str, settings: RunSettings) -> list[Statement]:
    return [facts.read(settings.source, place) for place in facts.facts()[fact]["places"]]


@then(parsers.parse("all places of the {fact} say the same"))
def all_say_the_same(fact: str, said: list[Statement], observe: Observe) -> None:
    home, *others = said
    observe(f"{fact} at home, {home.location}", expected="a value", observed=home.problem or home.values, holds=not home.problem)
    may_say_more = facts.facts()[fact].get("more", False)
    with observe.together():
        for place in others:
            same = set(home.values) <= set(place.values) if may_say_more else home.values == place.values
            observe(
                f"{fact} in {place.location}",
                expected=", ".join(home.values),
                observed=place.problem or ", ".join(place.values),
                holds=same and not place.problem,
                remedy=f"its home is {home.location}: make both say the same",
                evidence=f"looked for {place.pattern}" if place.pattern else "",
            )


def _importable(settings: RunSettings, observe: Observe, named: list[Reference], names: list[str]) -> None:
    told = completeness.import_all(settings.source, names)
    with observe.together():
        for one, name in zip(named, names, strict=True):
            observe(f"{one.target}, named by {one.source}", expected="there", observed=told[name] or "there", remedy=f"see {one.source}")
