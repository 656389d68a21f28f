"""APIs that a scenario starts with its own variables."""

import re
from collections.abc import Callable, Iterator

import pytest

from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.targets.base import Api
from validation.targets.launching import READY_SECONDS, LaunchingTarget

UNREACHABLE = {
    "Redis": {"REDIS_URL": "redis://:not-for-the-log@127.0.0.1:1/0"},
    "the database": {"DATABASE_URL": "postgresql://postgres:not-for-the-log@127.0.0.1:1/postgres"},
}
"""Variables that point a process at port 1 of this machine, where nothing listens. No log may show their passwords."""


@pytest.fixture
def start_api(target: LaunchingTarget) -> Iterator[Callable[..., Api]]:
    """Start an API with its own variables; it stops with the scenario."""
    started: list[Api] = []

    def start(**env: str) -> Api:
        api = target.new_api(env)
        api.process.start()
        started.append(api)
        return api

    yield start
    for api in started:
        api.process.stop()


def probe_when_healthy(api: Api) -> HttpProbe:
    """Wait until /health is 200, or for as long as a start may take, and return a probe of the API."""
    probe = HttpProbe(api.url)
    eventually(lambda: probe.answers("/health"), bool, within=READY_SECONDS)
    return probe


def requests_counted(probe: HttpProbe, route: str) -> dict[str, int]:
    """Return how many requests of a route an API has counted so far, by status."""
    pattern = re.compile(rf'api_requests_total\{{route="{re.escape(route)}",status="(\d+)"\}}')
    return {found[1]: int(value) for name, value in samples(probe).items() if (found := pattern.fullmatch(name))}


def request_seconds(probe: HttpProbe, route: str) -> float:
    """Return the seconds until the responses of a route started, all together, as an API has measured them."""
    return samples(probe).get(f'api_request_seconds_sum{{route="{route}"}}', 0.0)
