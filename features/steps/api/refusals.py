"""Steps that start parts with values that cannot work, which a pattern might accept."""

from collections.abc import Callable

from pytest_bdd import parsers, then, when

from validation.core import inputs
from validation.core.settings import RunSettings
from validation.probes.source import documents, markdown
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

REFERENCE = "docs/reference/configuration.md"
EXITS_SECONDS = 20.0
CONFIGURATION_EXIT = 2
TAKEN = "(taken)"
ON_A_TAKEN_PORT = """
import os, runpy, socket, sys
with socket.create_server(("", 0)) as held:
    os.environ[sys.argv[1]] = str(held.getsockname()[1])
    runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)
"""
"""Starts a part with the number of a port that is taken: in a container, ports of this machine are not those of the part."""


@when(parsers.re("(?P<part>an API|a consumer) is started with each of these values"), target_fixture="refused")
def started_with_each(
    target: LaunchingTarget, part: str, datatable: list[list[str]], afterwards: Callable[..., None]
) -> list[tuple[str, str, Child]]:
    started = []
    for variable, value in datatable[1:]:
        env = {} if value == TAKEN else {variable: value}
        child = target.new_api(env).process if part == "an API" else target.new_consumer(env)
        if value == TAKEN:
            inputs.note(f"{variable} is a port that is taken")
            child.run_program(ON_A_TAKEN_PORT, variable, "system.api" if part == "an API" else "system.consumer")
        child.start()
        afterwards(child.kill)
        started.append((variable, value, child))
        child.wait(within=EXITS_SECONDS)  # one after the other: each start takes a second of processor time
    return started


@then("each documented variable of the API is among them")
def each_variable(refused: list[tuple[str, str, Child]], settings: RunSettings, observe: Observe) -> None:
    sections = dict(markdown.sections(documents.text(settings.source, REFERENCE), 2))
    read = "".join(sections.get(f"Read by the {who}", "") for who in ("API and consumer", "API"))
    known = {row[0].strip("`") for row in markdown.table_rows(read)}
    with observe.together():
        observe(f"variables of the API in {REFERENCE}", expected="some", observed=len(known), holds=bool(known))
        missing = sorted(known - {variable for variable, _, _ in refused})
        observe(
            "variables that were given no value that cannot work", expected=[], observed=missing, remedy="features/beyond/variables.feature"
        )


@then("each time it exits with code 2 and one line that names the variable and no secret")
def each_refused(refused: list[tuple[str, str, Child]], observe: Observe) -> None:
    with observe.together():
        for variable, value, child in refused:
            lines = child.output().strip().splitlines()
            right = len(lines) == 1 and variable in lines[0] and "secret" not in lines[0]
            observe(f"exit code with {variable}={value}", expected=CONFIGURATION_EXIT, observed=child.exit_code, remedy="system/urls.py")
            observe(
                f"output with {variable}={value}",
                expected="one line that names the variable and no secret",
                observed=lines[:3],
                holds=right,
            )
