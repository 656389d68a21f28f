"""Steps that compare the gauges about the stream with the stream, while Redis is there and while it is away."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from pytest_bdd import given, parsers, then, when

from features.support.api import UNREACHABLE, probe_when_healthy, request_seconds, requests_counted
from features.support.consumers import Running
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.faults.proxy.proxy import FaultProxy
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import Keyspace
from validation.probes.running.metrics import samples
from validation.probes.running.own_databases import RedisNumber, url_of
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port

LENGTH = "votes_stream_length"
LAG = "vote_lag_entries"
BACKLOG = (LAG, "vote_pending_entries")
OLDEST = "vote_oldest_seconds"
WITHIN = 30.0
VOTE, UNAVAILABLE, REQUESTS = "/api/vote", 503, "system/api/request_log.py"
NOTICED_SECONDS = 0.5
"""A client that waits for longer has mostly waited for the response, not for its own connection."""
REMEDY = "system/api/metrics.py and system/consumer/loop.py: a value that is not known is NaN"


@dataclass
class Gauges:
    """An API and a consumer whose Redis can be taken away, and what they show."""

    api: HttpProbe
    consumer: HttpProbe
    redis: FaultProxy
    keys: Keyspace
    stream: StreamProbe
    running: Running
    entries: int = 0

    def add(self, count: int) -> None:
        """Add votes as any producer could."""
        self.keys.add_votes(protocol.STREAM, f"gauges {self.entries} ", count, protocol.OPTIONS)
        self.entries += count

    def shown(self) -> dict[str, str]:
        """Return the gauges as they are served, by name; `not served` for one that is missing."""
        found = samples(self.api) | (samples(self.consumer) if self.consumer.answers("/metrics") else {})
        return {name: f"{found[name]:g}" if name in found else "not served" for name in (LENGTH, *BACKLOG, OLDEST)}

    def true(self) -> dict[str, str]:
        """Return the gauges as the stream itself says them, without the age of its oldest entry."""
        group = self.stream.group(protocol.STREAM, protocol.GROUP)
        values = self.keys.size(protocol.STREAM), *((group.lag, group.pending) if group else ("no group", "no group"))
        return dict(zip((LENGTH, *BACKLOG), map(str, values), strict=True))


@given(
    parsers.re(r"an API and a consumer without the database, and a Redis of their own with (?P<votes>\d+) votes"), target_fixture="gauges"
)
def own_redis(target: LaunchingTarget, votes: str, afterwards: Callable[[Callable[[], object]], None]) -> Gauges:
    target.redis.require_managed()
    url = url_of(target.redis.url, RedisNumber.GAUGES)
    owned = ExitStack()
    afterwards(owned.close)
    keys, stream = owned.enter_context(Keyspace(url)), StreamProbe(url)
    owned.callback(stream.close)
    proxy = proxy_to(url, target.proxy_host)
    owned.callback(proxy.close)
    env = {"REDIS_URL": url_through(url, proxy), **UNREACHABLE["the database"]}
    port = free_port()
    of_consumer = env | {"METRICS_PORT": str(port), "BATCH_SIZE": "2", "CLAIM_IDLE_MS": "600000"}
    api, running = target.new_api(env), Running(target.new_consumer(of_consumer), of_consumer)
    for child in (api.process, running.child):
        afterwards(child.stop)
        child.start()
    gauges = Gauges(probe_when_healthy(api), HttpProbe(f"http://127.0.0.1:{port}"), proxy, keys, stream, running)
    gauges.add(int(votes))
    return gauges


@when(parsers.re(r"their Redis (?P<does>refuses every connection|answers nothing)"))
def take_away(gauges: Gauges, does: str) -> None:
    if does == "answers nothing":
        gauges.redis.blackhole(True)
    else:
        gauges.redis.refuse(True)
        gauges.redis.reset()


@when(parsers.re(r"their Redis is back, with (?P<votes>\d+) more votes"))
def bring_back(gauges: Gauges, votes: str) -> None:
    gauges.redis.heal()
    gauges.add(int(votes))


@then(parsers.re(r"the gauges are those of the stream, which has (?P<entries>\d+) entries"))
def gauges_are_true(gauges: Gauges, entries: str, observe: Observe) -> None:
    seen = eventually(
        lambda: (gauges.true(), gauges.shown()),
        lambda pair: pair[0] == {name: pair[1][name] for name in pair[0]} and pair[1][OLDEST] != "nan",
        within=WITHIN,
        every=0.1,
    )
    true, shown = seen.value
    with observe.together():
        observe("entries in the stream", expected=int(entries), observed=int(true[LENGTH]))
        observe("gauges about the stream", expected=true, observed={name: shown[name] for name in true}, evidence=seen.story, remedy=REMEDY)
        age = float(shown[OLDEST]) if shown[OLDEST] != "not served" else math.nan
        observe(OLDEST, expected="above 0", observed=shown[OLDEST], holds=age > 0, remedy=REMEDY)


@when("an entry that waits is deleted, so that Redis does not know how many are left")
def delete_waiting(gauges: Gauges) -> None:
    group = gauges.stream.group(protocol.STREAM, protocol.GROUP)
    waiting = gauges.stream.entries_after(protocol.STREAM, group.last_delivered if group else "0-0")
    gauges.keys.delete(protocol.STREAM, waiting[len(waiting) // 2][0])


@then("the lag is NaN, and the other gauges are those of the stream")
def lag_unknown(gauges: Gauges, observe: Observe) -> None:
    true = gauges.true()
    observe("lag of the group in Redis", expected="None", observed=true[LAG])
    expected = true | {LAG: "nan"}
    seen = eventually(lambda: {name: gauges.shown()[name] for name in expected}, lambda now: now == expected, within=WITHIN, every=0.1)
    observe("gauges about the stream", expected=expected, observed=seen.value, evidence=seen.story, remedy="system/consumer/backlog.py")


@then("the API counts a vote that is refused with 503, and the time until the response")
def refusal_is_counted(gauges: Gauges, observe: Observe) -> None:
    before, seconds = requests_counted(gauges.api, VOTE), request_seconds(gauges.api, VOTE)
    answer = gauges.api.vote(protocol.OPTIONS[0])
    after, took = requests_counted(gauges.api, VOTE), request_seconds(gauges.api, VOTE) - seconds
    added = {status: count - before.get(status, 0) for status, count in after.items() if count != before.get(status, 0)}
    least = answer.seconds / 4 if answer.seconds > NOTICED_SECONDS else 0.0
    with observe.together():
        observe("status of the vote", expected=UNAVAILABLE, observed=answer.status, evidence=answer)
        observe("api_requests_total of votes, what was added by status", expected={str(UNAVAILABLE): 1}, observed=added, remedy=REQUESTS)
        observe("api_request_seconds_sum of votes, what was added", expected=f"above {least:.4f}, at most {answer.seconds:.4f}",
                observed=round(took, 4), holds=least < took <= answer.seconds, remedy=REQUESTS)  # fmt: skip


@then("these gauges are NaN while Redis forbids a command")
def unknown_while_forbidden(gauges: Gauges, datatable: list[list[str]], afterwards: Callable[..., None], observe: Observe) -> None:
    with observe.together():
        for command, names in datatable[1:]:
            afterwards(lambda command=command: gauges.stream.set_command(command.lower(), allowed=True))
            gauges.stream.set_command(command.lower(), allowed=False)
            _observe_unknown(gauges, names.split(", "), f"gauges while Redis forbids {command}", observe)
            gauges.stream.set_command(command.lower(), allowed=True)


@then("each gauge about the stream is NaN")
def all_unknown(gauges: Gauges, observe: Observe) -> None:
    _observe_unknown(gauges, [LENGTH, *BACKLOG, OLDEST], "gauges while Redis is away", observe)


def _observe_unknown(gauges: Gauges, names: list[str], what: str, observe: Observe) -> None:
    def shown() -> dict[str, str]:
        every = gauges.shown()
        return {name: every[name] for name in names}

    unknown = dict.fromkeys(names, "nan")
    seen = eventually(shown, lambda served: served == unknown, within=WITHIN, every=0.1)
    observe(what, expected=unknown, observed=seen.value, evidence=seen.story, remedy=REMEDY)
