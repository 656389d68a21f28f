"""Steps that inspect running containers from inside."""

from functools import partial

from pytest_bdd import parsers, then, when

from validation.core import protocol
from validation.core.errors import NotProven
from validation.probes.running import confinement
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.process import Child

UIDS = {"api": protocol.API_UID, "consumer": protocol.CONSUMER_UID}
NO_CAPABILITIES = "0" * 16
WRITABLE = {"/dev/shm", "/tmp"}  # noqa: S108 - both in memory, and limited


def _running(target: LaunchingTarget, part: str) -> Child:
    child = target.api.process if part == "api" else target.consumer
    if not child.in_container:
        raise NotProven(f"The {part} does not run in a container here. Try: votecheck run --target containers")
    return child


@then(parsers.re("a running (?P<part>api|consumer) container has a read-only root and no capabilities(?P<without_shell>, and no shell)?"))
def runs_confined(target: LaunchingTarget, part: str, without_shell: str | None, observe: Observe) -> None:
    seen = confinement.look(_running(target, part).ask)
    uid = str(UIDS[part])
    with observe.together():
        observe(
            "user of its first process", expected=[uid] * 4, observed=list(seen.uids), remedy=f"USER in system/images/{part}.Dockerfile"
        )
        observe("group of its first process", expected=[uid] * 4, observed=list(seen.gids))
        observe("supplementary groups", expected="at most its own", observed=list(seen.groups), holds=set(seen.groups) <= {uid})
        for name, value in seen.capabilities.items():
            observe(f"capabilities, {name}", expected=NO_CAPABILITIES, observed=value)
        observe("no_new_privileges", expected=True, observed=seen.no_new_privileges)
        observe("seccomp", expected="2 (a filter)", observed=seen.seccomp, holds=seen.seccomp == "2")
        observe("mount of /", expected="ro", observed=",".join(seen.root_options), holds="ro" in seen.root_options)
        only_temporary = {"/tmp"} <= set(seen.writable) <= WRITABLE  # noqa: S108 - /tmp is the control: it shows that writable folders are found
        observe("writable folders", expected=sorted(WRITABLE), observed=list(seen.writable), holds=only_temporary)
        observe(
            "memory limit, bytes",
            expected="any below 1 TiB",
            observed=seen.memory,
            holds=seen.memory.isdigit() and int(seen.memory) < 2**40,
        )
        observe("process limit", expected="any", observed=seen.processes, holds=seen.processes.isdigit())
        if without_shell:
            observe("shells that start", expected=[], observed=list(seen.shells))


@when(parsers.parse("every module of the system in the {part} image is imported in a container of that image"), target_fixture="imports")
def imported_in_the_image(target: LaunchingTarget, part: str) -> dict[str, object]:
    imported = confinement.imports(partial(target.run_in_image, part))
    return {"modules": len(imported), "failed": {name: problem for name, problem in imported.items() if problem}}
