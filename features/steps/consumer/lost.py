"""Steps with entries that left the stream before they were counted."""

from contextlib import closing

from pytest_bdd import given, parsers, then

from features.support.consumers import Running
from features.support.streams import OwnStream
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.keyspace import Keyspace
from validation.probes.running.metrics import samples
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

SEEN_SECONDS = 25.0
LOST, COUNTED = "votes_lost_total", "votes_counted_total"


@given(parsers.parse("{count:d} of these entries left the stream since then"), target_fixture="gone")
def left_the_stream(count: int, own: OwnStream, target: LaunchingTarget) -> list[str]:
    """Delete the entries that were read first, as someone who trims the stream would."""
    gone = dict(list(own.entries.items())[:count])
    with closing(Keyspace(target.redis.url)) as keys:
        for identifier in gone.values():
            keys.delete(own.name, identifier)
    for vote_id in gone:
        del own.votes[vote_id]
    return list(gone.values())


@then(parsers.parse("its metrics show {lost:d} lost votes and {counted:d} counted, and its log names the lost entries"))
def shows_lost(lost: int, counted: int, gone: list[str], running: Running, observe: Observe) -> None:
    probe, expected = HttpProbe(f"http://127.0.0.1:{running.env['METRICS_PORT']}"), {LOST: float(lost), COUNTED: float(counted)}

    def shown() -> dict[str, float]:
        served = samples(probe) if probe.answers("/metrics") else {}
        return {name: served.get(name, -1.0) for name in expected}

    seen = eventually(shown, lambda now: now == expected, within=SEEN_SECONDS)
    lines = [event for event in running.child.events() if event.get("event") == "vote_lost"]
    with observe.together():
        observe("lost and counted votes in the metrics", expected=expected, observed=seen.value, evidence=seen.story,
                remedy="system/consumer/recovery.py")  # fmt: skip
        observe("level of the lines about them", expected=["error"], observed=sorted({str(line.get("level")) for line in lines}))
        observe("entries that they name", expected=sorted(gone), observed=sorted(name for line in lines for name in line["stream_ids"]))
        observe("their number in these lines", expected=lost, observed=sum(int(line["count"]) for line in lines))
