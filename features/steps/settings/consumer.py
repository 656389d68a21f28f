"""Steps that look at a consumer with variables away from their defaults: what it reads, how much, how often, and where it says so."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from pytest_bdd import then, when

from features.support.settings_trial import LEVELS, Trial
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.metrics import samples
from validation.probes.running.redis_commands import Command
from validation.probes.running.sockets import listening_ports
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe

DEAD = "votecheck-dead"
READS, READS_SECONDS = 4, 20.0
SHORT_MS, AGES_MS = 500, 60_000
YOUNG_SECONDS, REPLY_SECONDS = 5.0, 5.0
PROBE = ("python", "-m", "system.consumer.heartbeat")
LETTER_SECONDS = 15.0
LOGGED = {"consumer": {"consumer_starting": "info", "malformed_message_detected": "warning", "vote_lost": "error"},
          "api": {"api_started": "info", "request": "info", "request_failed": "error"}}  # fmt: skip
"""Events that this trial causes, and the level of each."""
REJECTION = """
create sequence {name};
create function {name}() returns trigger language plpgsql as $$ begin
  if new.vote_id = '{vote}' then perform nextval('{name}'); raise exception 'rejected'; end if;
  return new;
end $$;
create trigger {name} before insert on vote_ledger for each row execute function {name}()
"""


@when("a consumer is started with them on the votes of a consumer that died", target_fixture="seen")
def consumer_started(trial: Trial) -> list[Command]:
    """Start it on three old entries of a dead consumer and everything else, and return what it sends to Redis."""
    stream, name, group = trial.stream, trial.stream_name, trial.value("CONSUMER_GROUP")
    trial.relay()
    idle = trial.number("CLAIM_IDLE_MS")
    old, young, lost = (identifier for identifier, _ in stream.deliver(name, group, DEAD, 3))
    trial.dead.update({"old": old, "young": young})
    held = {identifier: fields["request_id"] for identifier, fields in stream.entries_after(name)}
    trial.not_counted = {held[lost]} | ({held[young]} if idle > YOUNG_SECONDS * 2000 else set())
    stream.age(name, group, DEAD, [old, lost], idle + AGES_MS)
    stream.age(name, group, DEAD, [young], idle // 2)
    trial.redis.delete(name, lost)
    stream.add(name, trial.entry("another"))
    stream.add(name, trial.entry(trial.options[0], "not-an-id"))
    with trial.redis.watched() as seen:
        trial.start("consumer")
        eventually(lambda: len(_reads(seen)), lambda number: number >= _enough(trial), within=READS_SECONDS,
                   never=lambda _: not trial.consumer.alive)  # fmt: skip
        return seen


@then("the consumer reads this stream and no other")
def reads_stream(trial: Trial, seen: list[Command], observe: Observe) -> None:
    streams = {command.after("STREAMS") for command in _reads(seen)}
    with observe.together():
        observe("streams that it reads", expected=[trial.stream_name], observed=sorted(streams), evidence=trial.consumer.output()[-2000:])
        if trial.stream_name != protocol.STREAM:
            groups = trial.redis.groups(protocol.STREAM)
            observe(f"groups of the stream {protocol.STREAM}", expected={}, observed=groups)
            letters = trial.stream.length(protocol.STREAM + protocol.DEAD_SUFFIX)
            observe(f"dead letters of the stream {protocol.STREAM}", expected=0, observed=letters)


@then("it reads in this group")
def reads_group(trial: Trial, seen: list[Command], observe: Observe) -> None:
    with observe.together():
        observe("groups of its stream", expected=[trial.value("CONSUMER_GROUP")], observed=sorted(trial.redis.groups(trial.stream_name)))
        acknowledged = {command.words[2] for command in seen if command.words[0].upper() == "XACK"}
        observe("groups in which it acknowledges", expected=[trial.value("CONSUMER_GROUP")], observed=sorted(acknowledged))


@then("it reads under this name")
def reads_name(trial: Trial, observe: Observe) -> None:
    name = trial.given.get("CONSUMER_NAME", socket.gethostname())
    names = trial.redis.groups(trial.stream_name).get(trial.value("CONSUMER_GROUP"), [])
    observe("consumers of its group", expected=sorted([DEAD, name]), observed=sorted(names))


@then("it counts at most as many at a time")
def counts_batches(trial: Trial, seen: list[Command], observe: Observe) -> None:
    size = trial.number("BATCH_SIZE")
    sizes = [len(command.words) - 3 for command in seen if command.words[0].upper() == "XACK"]
    most = min(size, len(trial.sent) - 3)
    asked = {command.after("COUNT") for command in seen if command.words[0].upper() in {"XREADGROUP", "XAUTOCLAIM"}}
    with observe.together():
        observe("entries acknowledged at a time, at most", expected=most, observed=max(sizes, default=0), evidence=sizes,
                holds=most - 2 <= max(sizes, default=0) <= size, remedy="BATCH_SIZE in system/consumer/reading.py")  # fmt: skip
        observe("entries asked for", expected=[str(size)], observed=sorted(asked), remedy="system/consumer/reading.py and recovery.py")


@then("it waits as long for new entries")
def waits(trial: Trial, seen: list[Command], observe: Observe) -> None:
    block, reads = trial.number("BLOCK_MS"), [command for command in _reads(seen) if command.after("BLOCK")]
    pauses = [round((later.at - command.at) * 1000) for command, later in zip(reads[-READS:], reads[-READS:][1:], strict=False)]
    with observe.together():
        observe("milliseconds that it asks to wait", expected=[str(block)], observed=sorted({one.after("BLOCK") for one in reads}))
        if block <= SHORT_MS:
            observe("milliseconds between two reads without an entry", expected=f"about {block}", observed=pauses, timed=True,
                    holds=bool(pauses) and 0.8 * block <= median(pauses) <= 1.5 * block + 60)  # fmt: skip


@then("entries of another consumer are claimed after as long")
def claims(trial: Trial, observe: Observe) -> None:
    name, group = trial.stream_name, trial.value("CONSUMER_GROUP")
    soon = trial.number("CLAIM_IDLE_MS") <= YOUNG_SECONDS * 2000
    expected = [] if soon else [trial.dead["young"]]
    left = eventually(lambda: trial.redis.pending_of(name, group, DEAD), lambda found: found == expected, within=YOUNG_SECONDS)
    observe(f"entries that the dead consumer still has, of {trial.dead}", expected=expected, observed=left.value, evidence=left.story,
            remedy="CLAIM_IDLE_MS in system/consumer/recovery.py and loop.py")  # fmt: skip


@then("a vote that the database rejects is tried as often")
def tried(trial: Trial, store: StoreProbe, afterwards: Callable[..., None], observe: Observe) -> None:
    entry = trial.entry(trial.options[0])
    name = f"votecheck_rejects_{entry['request_id'][:8]}"
    session = store.session()
    afterwards(lambda: store.close_session(session))
    afterwards(lambda: store.execute(session, f"drop function if exists {name} cascade; drop sequence if exists {name}"))
    store.execute(session, REJECTION.format(name=name, vote=entry["request_id"]))
    identifier = trial.stream.add(trial.stream_name, entry)

    def letters() -> list[dict[str, str]]:
        return [fields for _, fields in trial.stream.entries_after(trial.dead_letters) if fields.get("source_id") == identifier]

    found = eventually(letters, bool, within=LETTER_SECONDS, never=lambda _: not trial.consumer.alive)
    times = store.ask(f"select case when is_called then last_value else 0 end from {name}")  # noqa: S608 - our own name
    with observe.together():
        observe(f"dead letters of this vote in {trial.dead_letters}", expected=1, observed=len(found.value), evidence=found.story)
        observe("times that it was tried", expected=trial.number("MAX_RETRIES"), observed=times, remedy="system/consumer/loop.py")


@then("its metrics are served there, or nowhere")
def metrics(trial: Trial, observe: Observe) -> None:
    port = trial.number("METRICS_PORT")
    with observe.together():
        observe("ports that it listens on", expected=[port] if port else [], observed=listening_ports(trial.consumer.pid))
        if port:
            shown = samples(HttpProbe(f"http://127.0.0.1:{port}")).get("votes_counted_total", "missing")
            expected = float(len(trial.sent) - len(trial.not_counted))
            observe("votes counted in its metrics", expected=expected, observed=shown)


@then("the loop writes this file, and the probe reads it")
def heartbeat(trial: Trial, observe: Observe) -> None:
    path = Path(trial.value("HEARTBEAT_FILE"))
    probe = trial.consumer.ask(*PROBE, within=20.0)
    longest = trial.number("BLOCK_MS") / 1000 + REPLY_SECONDS
    old = path.with_name(f"{path.name}-old")
    codes = {}
    for times in (2.0, 3.2):
        old.write_text(str(time.monotonic() - times * longest), encoding="ascii")
        codes[times] = trial.consumer.ask("env", f"HEARTBEAT_FILE={old}", *PROBE, within=20.0).returncode
    with observe.together():
        observe(f"{path.name} is written", expected=True, observed=path.is_file())
        observe("exit code of the probe", expected=0, observed=probe.returncode, evidence=probe.stderr)
        observe(f"exit codes for heartbeats 2 and 3.2 times as old as the longest wait, {longest:g} s", expected={2.0: 0, 3.2: 1},
                observed=codes, remedy="system/consumer/heartbeat.py")  # fmt: skip


@then("both logs hold every line of their level and above, and none below")
def levels(trial: Trial, observe: Observe) -> None:
    least = LEVELS.index(trial.value("LOG_LEVEL").lower())
    with observe.together():
        for part, events in LOGGED.items():
            written = trial.parts[part].events()
            lines = len(written)
            if least < LEVELS.index("critical"):
                observe(f"lines of the {part}'s log", expected="at least 1", observed=lines, holds=lines >= 1)
            below = [one for one in written if LEVELS.index(str(one.get("level"))) < least]
            observe(f"lines of the {part}'s log below {trial.value('LOG_LEVEL')}", expected=[], observed=below[:3])
            names = {one.get("event") for one in written}
            for event, level in events.items():
                observe(f"{event} in the {part}'s log", expected=LEVELS.index(level) >= least, observed=event in names)


def _reads(seen: list[Command]) -> list[Command]:
    return [command for command in seen if command.words[0].upper() == "XREADGROUP" and command.words[-1] == ">"]


def _enough(trial: Trial) -> int:
    """Return how many reads a consumer makes until it has read everything and then waited a few times."""
    full = len(trial.sent) // trial.number("BATCH_SIZE")
    return full + (2 + READS if trial.number("BLOCK_MS") <= SHORT_MS else 2)
