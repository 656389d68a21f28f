"""A system of its own, with servers that hold nothing but what its scenarios sent to it."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from features.support.api import probe_when_healthy
from validation.core.settings import RunSettings
from validation.probes.running.http import HttpProbe
from validation.targets.base import Api
from validation.targets.launching import LaunchingTarget
from validation.targets.lifetime import lifetime
from validation.targets.opening import open_target

ORIGIN = "https://vote.example"
OTHER_ORIGINS = "https://second.example"
PROXY = {"TRUSTED_PROXIES": "127.0.0.0/8,172.16.0.0/12,10.0.0.0/8"}
LIMIT = 6
OPTIONS = ("quokka", "wombat", "potoroo", "numbat")
"""Names that occur nowhere else. The consumer does not know the last one, and the database refuses the last but one."""
ENV = PROXY | {
    "VOTE_OPTIONS": ",".join(OPTIONS),
    "RATE_LIMIT": f"{LIMIT}/minute",
    "CORS_ORIGINS": f"{OTHER_ORIGINS},{ORIGIN}",
    "LOG_LEVEL": "DEBUG",
}


@dataclass
class Apart:
    """The system, its API, and when it was started by the clock of files."""

    target: LaunchingTarget
    api: Api
    begun: float

    @property
    def http(self) -> HttpProbe:
        """A client of the API."""
        return HttpProbe(self.api.url)

    def start_api(self, **env: str) -> Api:
        """Start another API of the system, with the same variables except those given."""
        return _started(self.target, ENV | env)


@pytest.fixture(scope="session")
def apart(settings: RunSettings, measure: Callable[[str, float, str], None], leftovers: Callable[[str], None]) -> Iterator[Apart]:
    """A system with a trusted proxy, a rate limit, four options and two allowed origins, which logs everything."""
    own = dataclasses.replace(settings, run=f"{settings.run}-apart")
    begun = time.time() - 1
    with lifetime(open_target(own), measure, leftovers, ready="system apart ready") as target:
        for server in (target.redis, target.database):
            server.require_managed()
        yield Apart(target, _started(target, ENV), begun)


def _started(target: LaunchingTarget, env: Mapping[str, str]) -> Api:
    api = target.new_api(env)
    api.process.start()
    probe_when_healthy(api)
    return api
