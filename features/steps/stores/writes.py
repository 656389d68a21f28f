"""Steps with servers that refuse writes: all of them, or those to the dead-letter stream."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from pytest_bdd import given, parsers, then, when

from features.support.consumers import Running
from features.support.streams import COUNTED_SECONDS, OwnStream
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.redis_server import RedisServer
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port

PASSWORD = "votecheck"  # noqa: S105 - of a user that lives as long as the scenario
REMEDY = "system/consumer/dead_letters.py"
ASIDE = re.compile(r"^vote_set_aside_entries (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class RestrictedUser:
    """A Redis user that may do everything except reach some keys."""

    server: RedisServer
    name: str

    def restrict_to(self, *patterns: str) -> None:
        """Allow keys that match one of the patterns."""
        self.server.set_user(self.name, "on", f">{PASSWORD}", "+@all", *(f"~{pattern}" for pattern in patterns))


@given(parsers.re("(?P<part>Redis|the database) takes no writes"), target_fixture="allow_writes")
def takes_no_writes(part: str, target: LaunchingTarget, store: StoreProbe, afterwards: Callable[..., None]) -> Callable[[], None]:
    """Make Redis a replica without a primary, or the database read-only for all its sessions."""
    if part == "Redis":
        target.redis.require_managed()
        redis = RedisServer(target.redis.url)
        afterwards(redis.close)
        allow = redis.promote
        afterwards(allow)
        redis.demote()
        return allow
    target.database.require_managed()
    session = store.session()
    afterwards(lambda: store.close_session(session))
    store.execute(session, "set default_transaction_read_only = off")

    def allow_writes() -> None:
        store.execute(session, "alter system reset default_transaction_read_only")
        store.execute(session, "select pg_reload_conf()")

    afterwards(allow_writes)
    store.execute(session, "alter system set default_transaction_read_only = on")
    store.execute(session, "select pg_reload_conf()")
    eventually(lambda: store.ask("select (current_setting('transaction_read_only') = 'on')::int"), bool, within=COUNTED_SECONDS)
    return allow_writes


@when(parsers.re("(?P<part>Redis|the database) takes writes again"))
def takes_writes(part: str, allow_writes: Callable[[], None]) -> None:  # noqa: ARG001 - the part is there for the reader
    allow_writes()


@when("a consumer is started on it as a Redis user that may not write its dead-letter stream", target_fixture="restricted")
def restricted_consumer(
    own: OwnStream, target: LaunchingTarget, start_consumer: Callable[..., Running], afterwards: Callable[..., None]
) -> tuple[RestrictedUser, Running]:
    server = RedisServer(target.redis.url)
    afterwards(server.close)
    user = RestrictedUser(server, f"votecheck-{secrets.token_hex(4)}")
    afterwards(lambda: server.remove_user(user.name))
    user.restrict_to(own.name)
    parts = urlsplit(target.redis.url)
    url = urlunsplit(parts._replace(netloc=f"{user.name}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}"))
    return user, start_consumer(**own.env, REDIS_URL=url, METRICS_PORT=str(free_port()))


@then("every vote of it is counted, and each malformed entry stays pending in the stream")
def counted_and_kept(own: OwnStream, stream: StreamProbe, store: StoreProbe, observe: Observe) -> None:
    counted = eventually(lambda: len(store.ledger(own.votes)), lambda n: n == len(own.votes), within=COUNTED_SECONDS)
    pending = eventually(lambda: own.pending(stream), lambda n: n == len(own.malformed), within=COUNTED_SECONDS)
    kept = [identifier for identifier in own.malformed if stream.entry(own.name, identifier) is not None]
    with observe.together():
        observe("votes in the ledger", expected=len(own.votes), observed=counted.value, evidence=counted.story, remedy=REMEDY)
        observe("pending entries", expected=len(own.malformed), observed=pending.value, evidence=pending.story)
        observe("malformed entries in the stream", expected=list(own.malformed), observed=kept)


@then(parsers.parse("the consumer logs {event} and shows {count:d} entries in its metric"))
def told(restricted: tuple[RestrictedUser, Running], event: str, count: int, observe: Observe) -> None:
    _, running = restricted
    probe = HttpProbe(f"http://127.0.0.1:{running.env['METRICS_PORT']}")
    expected = [f"{count}.0"]
    shown = eventually(
        lambda: ASIDE.findall(probe.send("GET", "/metrics").body.decode()), lambda values: values == expected, within=COUNTED_SECONDS
    )
    logged = running.child.event_names().count(event)
    with observe.together():
        observe(f"{event} in the log", expected="at least once", observed=logged, holds=logged > 0, evidence=running.child.output())
        observe("vote_set_aside_entries", expected=expected, observed=shown.value, evidence=shown.story)


@when("the Redis user may write the dead-letter stream")
def unrestricted(restricted: tuple[RestrictedUser, Running], own: OwnStream) -> None:
    user, _ = restricted
    user.restrict_to(own.name, own.dead_letters)
