"""Waits until every entry is counted, and compares everything that can be observed with the model."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import eventually
from validation.model.comparing import differing
from validation.model.example import CREATED, DEAD_LETTERED, ROUTES, STREAM_ROUTE, UNMATCHED, Example, Since
from validation.model.metrics import Metrics, lines
from validation.model.parts import OPTIONS, Part
from validation.model.results import counts_in
from validation.probes.running.stream import order_of

SHOWN_SECONDS = 8.0
"""Twice what counts need to reach a client of the event stream: two seconds to be read, and two to be sent."""
EVERY_SECONDS = 0.1
DUPLICATES, CLAIMED = "votes_duplicate_total", "votes_claimed_total"
EMPTY = {"vote_lag_entries": 0.0, "vote_pending_entries": 0.0, "vote_oldest_seconds": 0.0, "vote_set_aside_entries": 0.0}
NOT_COUNTED = {"/ready", "/metrics", STREAM_ROUTE}
"""Routes whose requests the model does not count: the harness asks two of them while it waits, and a stream is counted when it ends."""


def settle(example: Example) -> None:
    """Wait until all is counted, and compare.

    Raises:
        Differs: something differs from the model.
    """
    parts = example.parts
    example.counted()
    for part in parts.all:
        example.compare("processes", f"{part.name} runs", True, part.child.alive, evidence=part.child.output()[-300:])
    _ledger(example)
    _dead_letters(example)
    _entries(example)
    parts.wait_until_ready(*parts.all)
    _shown(example)
    for api in parts.apis:
        _metrics_of_api(example, api)
        _log_of_api(example, api)
    _metrics_of_consumers(example)


def _ledger(example: Example) -> None:
    model, store = example.model, example.parts.store
    model.counted(store.ledger(model.votes))
    example.compare(
        "counted votes",
        "rows of the ledger since the example began",
        len(model.votes),
        sum(store.ledger_totals().values()) - example.rows_before,
    )
    counts = store.counts()
    example.confirm()
    example.compare("counted votes", "counts of the database, where they differ (model / database)", "",
                    differing({option: count for option, count in model.counts.items() if count}, counts))  # fmt: skip


def _dead_letters(example: Example) -> None:
    letters = example.parts.stream.entries_after(protocol.STREAM + protocol.DEAD_SUFFIX, example.first_letter)
    sources = Counter(fields.get("source_id", "") for _, fields in letters)
    example.compare("dead letters", "entries in the dead-letter stream, by source id", Counter(example.model.malformed.keys()), sources)
    for _, fields in letters:
        rest = dict(fields)
        source, reason = rest.pop("source_id"), rest.pop("reason", "")
        example.compare("dead letters", f"fields of the dead letter of {source}", example.model.malformed[source], rest)
        example.compare("dead letters", f"reason of the dead letter of {source}", "a reason", reason, holds=bool(reason))


def _entries(example: Example) -> None:
    """Compare the stream with the model: what the second group has not acknowledged is still there, and the rest is trimmed."""
    example.read_as_other_group(10_000)
    expected = [identifier for identifier in sorted(example.model.entries, key=order_of) if identifier not in example.read]
    example.compare("entries", "entries that the second group was not given", [], expected)
    if not example.read:
        return
    needed = example.unacknowledged[0] if example.unacknowledged else example.read[-1]
    kept = [identifier for identifier in example.read if order_of(identifier) >= order_of(needed)]
    trimmed = eventually(
        lambda: [identifier for identifier, _ in example.parts.stream.entries_after(protocol.STREAM)],
        lambda found: found == kept, within=SHOWN_SECONDS, never=lambda found: not set(kept) <= set(found),
    )  # fmt: skip
    missing, left = (sorted(one - other, key=order_of) for one, other in ((set(kept), set(trimmed.value)), (set(trimmed.value), set(kept))))
    example.compare("entries", "entries that are gone though a group needs them", [], missing[:5])
    example.compare("entries", "entries that no group needs, still in the stream", [], left[:5], evidence=trimmed.story)


def _shown(example: Example) -> None:
    """Wait until both APIs and the event stream show the final counts."""
    final = example.model.counts
    for api in example.parts.apis:
        shown = eventually(
            lambda api=api: counts_in(example.results(api).json()),  # type: ignore[misc] # mypy does not infer the default
            lambda counts: counts == final, within=SHOWN_SECONDS, every=EVERY_SECONDS,
        )  # fmt: skip
        example.compare("results", f"final results of {api.name}, where they differ (model / answer)", "", differing(final, shown.value))
    watching = example.watching
    if watching.knows(final):
        return
    last = eventually(lambda: watching.shown, lambda counts: counts == final, within=SHOWN_SECONDS)
    watching.check()
    different = "" if last.held else differing(final, last.value)
    example.compare("event stream", f"last event of {watching.api.name}, where it differs (model / event)", "", different)


def _metrics_of_api(example: Example, api: Part) -> None:
    grown = Metrics.of(api).since(example.metrics_before.get(api.name))
    sent = example.sent.get(api.name, ())
    answered = Counter(f"{ROUTES.get(reply.request.path, UNMATCHED)} {reply.status}" for reply in sent)
    accepted = Counter(reply.json()["option"] for reply in sent if reply.status == CREATED)
    for name, labels, wanted in (
        ("api_requests_total", ("route", "status"), answered),
        ("api_votes_accepted_total", ("option",), accepted),
    ):
        seen = grown.by(name, *labels)
        counted = {key: value for key, value in seen.items() if value and key.partition(" ")[0] not in NOT_COUNTED}
        needed = {key: float(value) for key, value in wanted.items() if key.partition(" ")[0] not in NOT_COUNTED}
        example.compare("metrics", f"{name} of {api.name}, where it differs (model / metric)", "", differing(needed, counted))


def _log_of_api(example: Example, api: Part) -> None:
    sent = {reply.request.id: reply for reply in example.sent.get(api.name, ())}
    logged = Counter[str]()
    for line in api.child.events():
        reply = sent.get(str(line.get("request_id", "")))
        if reply is None or line.get("event") != "request":
            continue
        logged[reply.request.id] += 1
        example.compare("log", f"method and status in the log line of {reply.request.path}", [reply.request.method, reply.status],
                        [line.get("method"), line.get("status")], evidence=line)  # fmt: skip
        known = [word for word in (*OPTIONS, reply.request.headers.get("Idempotency-Key", "")) if word and word in str(line)]
        example.compare("log", "options and keys in the log line of a request", [], known, evidence=line)
    missing = [f"{identifier}: {logged[identifier]}" for identifier in sent if logged[identifier] != 1]
    example.compare("log", f"requests that {api.name} did not log exactly once", [], missing[:5])


def _metrics_of_consumers(example: Example) -> None:
    """Compare what the counters have grown by since the last settling, and the backlog. Then count from here."""
    consumers, since = example.parts.consumers, example.since
    example.since = Since.now(example.parts, example.model)
    valid, votes, malformed = (example.since.taken[name] - since.taken[name] for name in ("valid", "votes", "malformed"))
    expected = {
        "votes_counted_total": float(votes),
        DUPLICATES: float(valid - votes),
        "votes_dead_lettered_total": float(malformed),
        "votes_lost_total": 0.0,
    }
    if since.exact:
        seen = eventually(
            lambda: _grown(example, since, (*expected, CLAIMED)), lambda found: _agree(expected, found), within=SHOWN_SECONDS,
            never=lambda found: found["votes_counted_total"] > expected["votes_counted_total"],
        )  # fmt: skip
        different = "" if seen.held else differing(expected, seen.value)
        example.compare("metrics", "counters of both consumers, where they differ (model / metrics)", "", different)
        example.compare("log", f"lines {DEAD_LETTERED} of both consumers", malformed, lines(consumers, DEAD_LETTERED) - since.letters)
    for consumer in consumers:
        shown = eventually(partial(_backlog, consumer), lambda found: found == EMPTY, within=SHOWN_SECONDS)
        example.compare("metrics", f"backlog of {consumer.name}, where it differs (model / metrics)", "", differing(EMPTY, shown.value))
    example.since = Since.now(example.parts, example.model)


def _agree(expected: Mapping[str, float], found: Mapping[str, float]) -> bool:
    """Return whether counters are as expected. What a consumer claims from a slow one may be counted as duplicates."""
    more = found[DUPLICATES] - expected[DUPLICATES]
    rest = every(found[name] == value for name, value in expected.items() if name != DUPLICATES)
    return rest and 0 <= more <= found[CLAIMED]


def _grown(example: Example, since: Since, names: Iterable[str]) -> dict[str, float]:
    grown = [Metrics.of(part).since(before) for part, before in zip(example.parts.consumers, since.metrics, strict=True)]
    return {name: sum(one.total(name) for one in grown) for name in names}


def _backlog(consumer: Part) -> dict[str, float]:
    found = Metrics.of(consumer)
    return {name: found.total(name) for name in EMPTY}
