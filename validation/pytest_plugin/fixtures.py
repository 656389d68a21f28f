"""The fixtures that every step may use."""

from collections.abc import Callable, Iterator

import pytest

from validation.core.settings import RunSettings
from validation.pytest_plugin.items import place_of
from validation.pytest_plugin.stash import BACKGROUND, OBSERVE, OUTCOME, SETTINGS, TARGET, evidence_of, recorder_of
from validation.record.events import HarnessFailed, Measured, Snapshot, SubjectSeen
from validation.record.evidence import digest_of
from validation.record.observe import Observe
from validation.record.subject import Subject
from validation.targets.identity import identified
from validation.targets.launching import LaunchingTarget
from validation.targets.lifetime import lifetime
from validation.targets.opening import open_target


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> RunSettings:
    """The settings of the run."""
    return request.config.stash[SETTINGS]


@pytest.fixture(autouse=True)
def place(request: pytest.FixtureRequest) -> str:
    """The name of the fixture whose system the scenario votes on: `target` or `installed`."""
    return place_of(request.node)


@pytest.fixture(scope="session")
def measure(request: pytest.FixtureRequest) -> Callable[[str, float, str], None]:
    """Record a number for the report: name, value, unit."""
    recorder = recorder_of(request.config)
    return lambda name, value, unit: recorder.emit(Measured(name, round(value, 4), unit))


@pytest.fixture(scope="session")
def leftovers(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Record something that could not be cleaned up, as a harness error."""
    recorder = recorder_of(request.config)
    return lambda what: recorder.emit(HarnessFailed(f"Not cleaned up: {what}"))


@pytest.fixture(scope="session")
def seen(request: pytest.FixtureRequest) -> Callable[[Subject], None]:
    """Record what a target is."""
    recorder = recorder_of(request.config)
    return lambda subject: recorder.emit(SubjectSeen(subject))


@pytest.fixture(scope="session")
def target(
    settings: RunSettings,
    measure: Callable[[str, float, str], None],
    leftovers: Callable[[str], None],
    seen: Callable[[Subject], None],
    request: pytest.FixtureRequest,
) -> Iterator[LaunchingTarget]:
    """The running target, started once a session."""
    with (
        lifetime(open_target(settings), measure, leftovers, ready="target ready", gone="target stopped") as opened,
        identified(opened, seen),
    ):
        request.config.stash[TARGET] = opened
        evidence_of(request.config).hide(opened.redis.url, opened.database.url)
        yield opened
        del request.config.stash[TARGET]


@pytest.fixture
def went_wrong(request: pytest.FixtureRequest) -> Callable[[], bool]:
    """Return, during teardown, whether the scenario had a finding or a harness error."""
    return lambda: request.node.stash.get(OUTCOME, ("", "", 0.0))[0] in {"failed", "error"}


@pytest.fixture
def attribute(request: pytest.FixtureRequest) -> Callable[[float, float], None]:
    """Count the seconds that work in the background took for this scenario, instead of those that it waited for the result."""

    def add(worked: float, waited: float) -> None:
        request.node.stash[BACKGROUND] = request.node.stash.get(BACKGROUND, 0.0) + worked - waited

    return add


@pytest.fixture(scope="session")
def keep(request: pytest.FixtureRequest) -> Callable[[str, list[str]], None]:
    """Record the files of a scenario's snapshot."""
    recorder, folder = recorder_of(request.config), request.config.stash[SETTINGS].folder

    def record(scenario: str, files: list[str]) -> None:
        recorder.emit(Snapshot(scenario, files, {file: digest_of((folder / file).read_bytes()) for file in files}))

    return record


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Observe:
    """The only way to assert in a step."""
    of_scenario: Observe = request.node.stash[OBSERVE]
    return of_scenario
