"""Steps that cast votes with variables away from their defaults, and follow each to the results."""

import json
import uuid
from collections import Counter
from typing import Any

from pytest_bdd import then, when

from features.support.settings_trial import Trial, Watches
from validation.core import protocol
from validation.core.collections import every
from validation.core.waiting import Waited, eventually
from validation.probes.running.clients import all_at_once
from validation.probes.running.http import Answer
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe

AT_ONCE = 48
UNKNOWN_EVERY = 6
ACCEPTED, INVALID = 201, 422
COUNTED_SECONDS, LIVE_SECONDS = 20.0, 8.0
UNKNOWN = "another"
REQUEST = "POST /api/vote HTTP/1.1\r\nHost: votecheck\r\nConnection: close\r\nContent-Type: application/json\r\n"
SHORT_SECONDS = 6.0
"""Times longer than this are not waited for."""
RENEWED = "system/api/stream.py: the time of a key starts with its first vote, and no repetition renews it"


@when("votes are cast one after the other and all at once", target_fixture="together")
def votes_cast(trial: Trial, store: StoreProbe) -> list[tuple[str, str, Answer]]:
    """Cast them, and return request id, option and answer of those that were sent at once."""
    trial.before.update(store.counts())
    trial.entries_elsewhere.update({"0": _default_length(trial)})
    trial.remembered_at.update(_first_with_key(trial))
    for number, option in enumerate(trial.options):
        for _ in range(number % 3 + 1):
            trial.record(option, trial.client().vote(option))
    sent = []
    for number in range(AT_ONCE):
        option = UNKNOWN if number % UNKNOWN_EVERY == 0 else trial.options[number % len(trial.options)]
        key = f"Idempotency-Key: {uuid.uuid4()}\r\n" if number % 2 else ""
        body = json.dumps({"option": option})
        request = f"{REQUEST}{key}X-Request-ID: settings-{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        sent.append((f"settings-{number}", option, request.encode()))
    answers = all_at_once([trial.client() for _ in sent], [request for *_, request in sent])
    for (_, option, _), answer in zip(sent, answers, strict=True):
        trial.record(option, answer)
    return [(identity, option, answer) for (identity, option, _), answer in zip(sent, answers, strict=True)]


@then("each of them gets the answer to its own request")
def own_answers(trial: Trial, together: list[tuple[str, str, Answer]], observe: Observe) -> None:
    entries = dict(trial.stream.entries_after(protocol.STREAM))
    accepted = [answer.json() for _, _, answer in together if answer.status == ACCEPTED]
    with observe.together():
        for identity, option, answer in together:
            body = answer.json() or {}
            mine = {"status": INVALID if option == UNKNOWN else ACCEPTED, "id": identity}
            seen: dict[str, Any] = {"status": answer.status, "id": answer.headers.get("x-request-id")}
            if option != UNKNOWN:
                entry = entries.get(str(body.get("stream_id")), {})
                mine |= {"option": option, "entry": {"option": option, "request_id": body.get("vote_id")}}
                seen |= {"option": body.get("option"), "entry": {name: entry.get(name) for name in ("option", "request_id")}}
            observe(f"answer to {identity}, a vote for {option}", expected=mine, observed=seen, evidence=answer,
                    remedy="system/api/pipeline.py: replies go to requests in the order of the commands")  # fmt: skip
        for name in ("stream_id", "vote_id"):
            distinct = len({body.get(name) for body in accepted})
            observe(f"distinct {name} of {len(accepted)} votes", expected=len(accepted), observed=distinct)


@then("votes are in this database of Redis, and in no other")
def in_this_database(trial: Trial, observe: Observe) -> None:
    entries = Counter(fields.get("option") for _, fields in trial.stream.entries_after(protocol.STREAM))
    with observe.together():
        observe("votes in its database of Redis, by option", expected=Counter(trial.sent.values()), observed=entries)
        elsewhere = trial.entries_elsewhere["0"]
        observe("newest entry of the votes in the default database", expected=elsewhere, observed=_default_length(trial))


@then("every vote is counted there")
def counted(trial: Trial, store: StoreProbe, observe: Observe) -> None:
    expected = {vote: option for vote, option in trial.sent.items() if vote not in trial.not_counted}
    seen = eventually(lambda: store.ledger(trial.sent), lambda found: found == expected, within=COUNTED_SECONDS)
    late = sorted(expected.keys() - seen.value.keys())
    with observe.together():
        observe("votes that are not in the ledger", expected=[], observed=late[:5], evidence=trial.consumer.output()[-2000:])
        observe("votes in the ledger by option", expected=Counter(expected.values()), observed=Counter(seen.value.values()))


@then("each option is accepted, counted and shown in its place, and nothing else is an option")
def each_option(trial: Trial, watches: Watches, store: StoreProbe, observe: Observe) -> None:
    results = _shown(trial, store)
    rows: list[dict[str, Any]] = results.value.get("results", [])
    live = _live(watches, rows)
    grown = {row["option"]: row["count"] - trial.before.get(row["option"], 0) for row in rows}
    sent = Counter(option for vote, option in trial.sent.items() if vote not in trial.not_counted)
    with observe.together():
        observe("options in the results", expected=trial.options, observed=[row["option"] for row in rows], evidence=results.story)
        observe("counts in the results, since the start", expected=dict(sent), observed={o: n for o, n in grown.items() if n})
        observe("total_votes", expected=sum(row["count"] for row in rows), observed=results.value.get("total_votes"))
        hundredths = sum(round(row["percentage"] * 100) for row in rows)
        observe("sum of the percentages, in hundredths", expected=10_000, observed=hundredths)
        observe("latest live results", expected=rows, observed=live.value.get("results"), evidence=live.story)
        for option in (UNKNOWN, *_alike(trial.options)):
            observe(f"status of a vote for {option}", expected=INVALID, observed=trial.client().vote(option).status)
        reasons = {fields.get("option"): fields.get("reason", "") for _, fields in trial.stream.entries_after(trial.dead_letters)}
        observe(f"reason for the dead letter of {UNKNOWN}", expected="names VOTE_OPTIONS", observed=reasons.get(UNKNOWN),
                holds="VOTE_OPTIONS" in reasons.get(UNKNOWN, ""))  # fmt: skip


@then("the live results change again when another vote is counted")
def live_again(trial: Trial, watches: Watches, store: StoreProbe, observe: Observe) -> None:
    option = trial.options[-1]
    vote = trial.client().vote(option)
    trial.record(option, vote)
    if trial.stream_name != protocol.STREAM:
        trial.stream.add(trial.stream_name, trial.entry(option, vote.json()["vote_id"]))
    counted_now = eventually(lambda: store.ledger([vote.json()["vote_id"]]), bool, within=COUNTED_SECONDS)
    results = _shown(trial, store)
    live = _live(watches, results.value.get("results"))
    with observe.together():
        observe("the vote is counted", expected=True, observed=counted_now.held, evidence=trial.consumer.output()[-2000:])
        observe("latest live results", expected=results.value.get("results"), observed=live.value.get("results"), evidence=live.story)
        distinct = {json.dumps(one.data.get("results")) for one in watches.live.events}
        observe("different live results of one connection", expected="at least 3", observed=len(distinct), holds=len(distinct) >= 3)  # noqa: PLR2004


@then("a key is remembered as long, and repetitions do not renew it")
def key_remembered(trial: Trial, observe: Observe) -> None:
    limit, first = trial.number("IDEMPOTENCY_TTL"), trial.remembered_at
    short = limit < SHORT_SECONDS
    seconds = (int(first["ends"]) - int(first["stream_id"].partition("-")[0])) / 1000  # both by the clock of Redis, in one step
    with observe.together():
        observe("seconds from the entry of a vote until its key is forgotten", expected=f"{limit}", observed=seconds,
                holds=abs(seconds - limit) < 1, timed=short)  # fmt: skip
        observe("stream id of the same vote at once", expected=first["stream_id"], observed=first["again"])
        observe("when Redis forgets the key, once it was repeated", expected=first["ends"], observed=first["ends_again"], timed=short,
                remedy=RENEWED)  # fmt: skip
        if short:
            newer = eventually(lambda: _again(trial), lambda seen: seen != first["stream_id"], within=limit + SHORT_SECONDS)
            observe(
                f"stream id of the same vote after {limit} s", expected=f"not {first['stream_id']}", observed=newer.value, holds=newer.held
            )
        else:
            observe("stream id of the same vote now", expected=first["stream_id"], observed=_again(trial))
            _contradict(trial)
            ends = trial.redis.forgotten_at(first["name"])
            observe("when Redis forgets the key, after all repetitions", expected=first["ends"], observed=ends, remedy=RENEWED)


def _first_with_key(trial: Trial) -> dict[str, str]:
    trial.key = str(uuid.uuid4())
    first = trial.client().vote(trial.options[0], trial.key)
    name = f"votes:key:{(first.json() or {}).get('vote_id')}"
    ends = trial.redis.forgotten_at(name)
    trial.record(trial.options[0], first)
    again = _again(trial)
    _contradict(trial)
    return {
        "name": name,
        "stream_id": str((first.json() or {}).get("stream_id")),
        "again": again,
        "ends": ends,
        "ends_again": trial.redis.forgotten_at(name),
    }


def _contradict(trial: Trial) -> None:
    """Send the key with another option, if there is one; it is refused."""
    if len(trial.options) > 1:
        trial.client().vote(trial.options[-1], trial.key)


def _again(trial: Trial) -> str:
    answer = trial.client().vote(trial.options[0], trial.key)
    return str((answer.json() or {}).get("stream_id"))


def _shown(trial: Trial, store: StoreProbe) -> Waited[dict[str, Any]]:
    """Wait until the results are those of the database."""

    def read() -> dict[str, Any]:
        body: dict[str, Any] = trial.client().send("GET", "/api/results").json() or {}
        return body

    def fresh(body: dict[str, Any]) -> bool:
        counts = store.counts()
        return every(row["count"] == counts[row["option"]] for row in body.get("results", []))

    return eventually(read, fresh, within=LIVE_SECONDS)


def _live(watches: Watches, rows: object) -> Waited[dict[str, Any]]:
    """Wait until the latest live results are these. Each process of the API reads the database at its own times."""

    def latest() -> dict[str, Any]:
        return watches.live.events[-1].data if watches.live.events else {}

    return eventually(latest, lambda body: body.get("results") == rows, within=LIVE_SECONDS)


def _alike(options: list[str]) -> list[str]:
    alike = [options[0].upper(), f"{options[0]} ", f"{options[0]},{options[-1]}", "cats", f"ö{options[0]}"]
    return [one for one in alike if one not in options]


def _default_length(trial: Trial) -> str:
    return trial.default_stream.last_id(protocol.STREAM)
