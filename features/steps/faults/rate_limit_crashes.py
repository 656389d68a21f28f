"""Steps that kill an API with a rate limit between its commands, and look at the counters that it leaves behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import get_args

from pytest_bdd import then, when

from features.support.api import probe_when_healthy
from validation.core.errors import NotProven, ProbeError
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.traffic import Command, Side
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import FOR_EVER, Keyspace
from validation.probes.running.own_databases import RedisNumber, url_of
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

REACHED_SECONDS = 10.0
COUNTERS = "votes:limit"


@dataclass(frozen=True, slots=True)
class Killed:
    """An API that was killed at a command, and the keys that it left, with the milliseconds until they expire."""

    point: str
    keys: dict[str, int]

    @property
    def counters(self) -> list[str]:
        """The counters among the keys."""
        return [key for key in self.keys if key.startswith(COUNTERS)]


@when("an API with a rate limit is killed before and after each command of a new client's request", target_fixture="killed")
def killed_at_each(target: LaunchingTarget) -> list[Killed]:
    target.redis.require_managed()
    url = url_of(target.redis.url, RedisNumber.LIMITED)
    _run(target, url, None)  # from now on Redis knows the scripts
    names = _run(target, url, None)[0]
    return [
        Killed(f"{'before' if side == 'request' else 'after'} {name}", _run(target, url, (position, side))[1])
        for position, name in enumerate(names)
        for side in get_args(Side)
    ]


@then("none of them has left a counter that stays for ever")
def no_counter_stays(killed: list[Killed], observe: Observe) -> None:
    with observe.together():
        observe("crashes of an API with a rate limit", expected="at least 2", observed=len(killed), holds=len(killed) >= 2)  # noqa: PLR2004
        observe("crashes that left a counter", expected="some", observed=sum(bool(one.counters) for one in killed),
                holds=any(one.counters for one in killed))  # fmt: skip
        for one in killed:
            staying = [key for key in one.counters if one.keys[key] == FOR_EVER]
            observe(f"counters without an expiry after a crash {one.point}", expected=[], observed=staying,
                    remedy="system/api/rate_limit.py: count and expiry in one command")  # fmt: skip


def _run(target: LaunchingTarget, url: str, kill: tuple[int, Side] | None) -> tuple[list[str], dict[str, int]]:
    """Send a request to an API, kill it at a command, and return the names of the commands and the keys that are left."""
    proxy = proxy_to(url, target.proxy_host)
    api = target.new_api({"REDIS_URL": url_through(url, proxy), "RATE_LIMIT": "9/hour"})
    try:
        with Keyspace(url) as keys, ThreadPoolExecutor(1) as pool:
            api.process.start()
            http = probe_when_healthy(api)
            http.send("GET", "/ready")  # whatever a first command needs is done
            before = len(proxy.commands)
            stop = proxy.break_at(_at(proxy.counters.commands + kill[0] + 1), side=kill[1]) if kill else None
            asked = pool.submit(_ask, http)
            if stop and not stop.wait(REACHED_SECONDS).held:
                raise NotProven(f"The API did not reach command {kill}.")
            if stop:
                api.process.kill()
                stop.drop()
            asked.result()
            return [command.words[0].upper() for command in list(proxy.commands)[before:]], keys.lives()
    finally:
        api.process.kill()
        proxy.close()


def _at(number: int) -> Callable[[Command], bool]:
    return lambda command: command.number == number


def _ask(http: HttpProbe) -> None:
    with suppress(ProbeError):
        http.send("GET", "/api/results")
