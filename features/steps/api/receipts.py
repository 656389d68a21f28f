"""Steps about the receipt of a vote: its id, for which the API tells what became of it."""

import secrets
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_bdd import then, when

from features.support.own_system import LIMIT, OwnSystem
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.probes.running.http import Answer
from validation.record.observe import Observe

OPTION, OK, MALFORMED, INVALID, LIMITED, UNAVAILABLE = "dogs", 200, 400, 422, 429, 503
COUNTED_SECONDS, SECONDS_MOST = 10.0, 2.5
ASKERS, READS_MOST = 60, 12
OTHERS, PAUSE_SECONDS = 50, 0.03
"""Voters who ask for their own vote, one after the other: some come while the ledger is being read."""
PATIENT, PATIENT_SECONDS = 12, 0.25
"""Voters who ask one after the other while the database answers nothing: the first ones give up while others still wait with them."""
SLOW_SECONDS = 0.01
"""Delay of each message between API and database, so that a read of the ledger takes longer than the pause between two voters."""
REMEDY = "system/api/receipts.py"


@dataclass
class Receipt:
    """A vote that has a receipt."""

    system: OwnSystem
    key: str
    vote_id: str

    def ask(self, key: str = "", client: str = "") -> Answer:
        """Ask what became of the vote."""
        return self.system.ask("GET", f"/api/votes/{self.vote_id}", client, {"Idempotency-Key": key} if key else {})

    def remembered_until(self) -> int:
        """Return when the key of the vote is forgotten, in epoch milliseconds by Redis' clock."""
        return self.system.keys.expires_at(f"{protocol.KEY_PREFIX}{self.vote_id}")

    def told(self) -> dict[str, Any]:
        """Return what is told to whoever sends the key, another key, and none."""
        askers = {"the key": self.key, "another key": secrets.token_hex(16), "no key": ""}
        return {name: self.ask(key).json() or {} for name, key in askers.items()}


@when("a voter votes with a key while the consumer is frozen", target_fixture="receipt")
def votes(own_parts: OwnSystem) -> Receipt:
    own_parts.consumer.pause()
    key = secrets.token_hex(16)
    return Receipt(own_parts, key, str((own_parts.vote(OPTION, key).json() or {}).get("vote_id")))


@when("the consumer goes on")
def goes_on(receipt: Receipt) -> None:
    receipt.system.consumer.resume()


@then("the receipt says accepted, and the option only to whoever sends the key")
def accepted(receipt: Receipt, observe: Observe) -> None:
    until = receipt.remembered_until()
    _observe_told(receipt, "accepted", observe)
    observe("when its key is forgotten, before and after these receipts", expected="the same", observed=(until, receipt.remembered_until()),
            holds=until == receipt.remembered_until() > 0, remedy="a receipt does not renew a key")  # fmt: skip
    observe("counted_at of a vote that is not counted", expected=None, observed=receipt.told()["the key"].get("counted_at"))


@then("an id that no vote has is unknown, and a malformed id is refused")
def unknown(receipt: Receipt, observe: Observe) -> None:
    other = receipt.system.ask("GET", f"/api/votes/{uuid.uuid4()}")
    wrong = receipt.system.ask("GET", "/api/votes/numbat-7")
    with observe.together():
        observe("state of an id that no vote has", expected="unknown", observed=(other.json() or {}).get("state"), remedy=REMEDY)
        observe("status of an id that no vote has", expected=OK, observed=other.status)
        observe("status of a malformed id", expected=INVALID, observed=wrong.status, remedy=REMEDY)
        observe("the refusal repeats it", expected=False, observed="numbat" in wrong.body.decode(errors="replace"), evidence=wrong)


@then("a malformed key is refused, and one that is sent twice")
def malformed_key(receipt: Receipt, observe: Observe) -> None:
    head = f"GET /api/votes/{receipt.vote_id} HTTP/1.1\r\nHost: votecheck\r\nX-Forwarded-For: 10.8.8.8\r\nConnection: close\r\n"
    twice = f"Idempotency-Key: {receipt.key}\r\n" * 2
    answers = {"(none)": receipt.ask(), "two words": receipt.ask("two words"), "256 characters": receipt.ask("k" * 256)}
    statuses = {key: answer.status for key, answer in answers.items()} | {
        "sent twice": receipt.system.http.raw(f"{head}{twice}\r\n".encode()).status
    }
    observe("statuses by key", expected=dict.fromkeys(statuses, MALFORMED) | {"(none)": OK}, observed=statuses, remedy=REMEDY)


@then("a vote that waits is unknown if it has no key, or its key is forgotten")
def not_remembered(receipt: Receipt, observe: Observe) -> None:
    system, key = receipt.system, secrets.token_hex(16)
    ids = {what: str((system.vote(OPTION, sent).json() or {}).get("vote_id")) for what, sent in (("no key", ""), ("a forgotten key", key))}
    remembered = Receipt(system, key, ids["a forgotten key"]).ask(key).json() or {}
    system.keys.put("DEL", f"{protocol.KEY_PREFIX}{ids['a forgotten key']}")
    told = {what: (Receipt(system, key, vote_id).ask(key).json() or {}).get("state") for what, vote_id in ids.items()}
    with observe.together():
        observe("votes that the stream holds", expected=len(system.promised), observed=system.stream.length(protocol.STREAM))
        observe("state before its key is forgotten", expected="accepted", observed=remembered.get("state"))
        observe("states of votes that wait", expected=dict.fromkeys(ids, "unknown"), observed=told, remedy=REMEDY)


@then("the receipt says counted and when, and the option only to whoever sends the key")
def counted(receipt: Receipt, observe: Observe) -> None:
    eventually(lambda: (receipt.ask().json() or {}).get("state"), lambda state: state == "counted", within=COUNTED_SECONDS)
    _observe_told(receipt, "counted", observe)
    at = str(receipt.told()["no key"].get("counted_at"))
    asked = f"select date_trunc('second', counted_at) as told from vote_ledger where vote_id = '{receipt.vote_id}'"  # noqa: S608 - a UUID
    stored = str(next(receipt.system.store.rows(asked))["told"])
    observe("counted_at", expected=datetime.fromisoformat(stored), observed=datetime.fromisoformat(at), remedy=REMEDY)


@then("many voters who ask at once cause few reads of the ledger")
def few_reads(receipt: Receipt, observe: Observe) -> None:
    before = receipt.system.database.counters.commands
    with ThreadPoolExecutor(ASKERS) as voters:
        states = [answer.status for answer in voters.map(lambda _: receipt.ask(), range(ASKERS))]
    reads = [one for one in receipt.system.database.commands if one.number > before and "vote_ledger where vote_id" in " ".join(one.words)]
    with observe.together():
        observe("statuses", expected=[OK], observed=sorted(set(states)))
        observe(f"reads of the ledger for {ASKERS} voters", expected=f"1 to {READS_MOST}", observed=len(reads),
                holds=1 <= len(reads) <= READS_MOST, remedy=REMEDY)  # fmt: skip


@then("voters who ask while the ledger is being read are told what became of their own vote")
def own_vote_in_a_busy_ledger(receipt: Receipt, observe: Observe) -> None:
    system = receipt.system
    votes = [Receipt(system, "", str((system.vote(OPTION).json() or {}).get("vote_id"))) for _ in range(OTHERS)]
    counted = eventually(lambda: len(system.store.whole_ledger()), lambda count: count >= len(system.promised), within=COUNTED_SECONDS)
    system.database.slow(SLOW_SECONDS)
    asked: list[Future[Answer]] = []
    with ThreadPoolExecutor(OTHERS) as voters:

        def ask() -> bool:
            asked.append(voters.submit(votes[len(asked)].ask))
            return len(asked) < OTHERS

        consistently(ask, bool, during=COUNTED_SECONDS, every=PAUSE_SECONDS)
    system.database.heal()
    told = [answer.result().json() or {} for answer in asked]
    with observe.together():
        observe("votes in the ledger", expected=len(system.promised), observed=counted.value, evidence=counted.story)
        observe("whose vote each of them was told about", expected=[vote.vote_id for vote in votes],
                observed=[one.get("vote_id") for one in told])  # fmt: skip
        observe("what each of them was told", expected=["counted"] * OTHERS, observed=[one.get("state") for one in told], remedy=REMEDY)


@then("one client who asks too often is refused for a time")
def limited(receipt: Receipt, observe: Observe) -> None:
    answers = [receipt.ask(client="10.9.9.9") for _ in range(LIMIT + 1)]
    with observe.together():
        observe(f"statuses of {LIMIT + 1} questions", expected=[OK] * LIMIT + [LIMITED], observed=[answer.status for answer in answers])
        observe("Retry-After", expected="seconds", observed=answers[-1].headers.get("retry-after"),
                holds=str(answers[-1].headers.get("retry-after")).isdigit())  # fmt: skip


@then("voters who ask while the database answers nothing are each told so, and none because another gave up")
def database_answers_nothing(receipt: Receipt, observe: Observe) -> None:
    asked: list[Future[Answer]] = []
    receipt.system.database.blackhole(True)
    try:
        with ThreadPoolExecutor(PATIENT) as voters:

            def ask() -> bool:
                asked.append(voters.submit(receipt.ask, receipt.key))
                return len(asked) < PATIENT

            consistently(ask, bool, during=COUNTED_SECONDS, every=PATIENT_SECONDS)
    finally:
        receipt.system.database.heal()
    answers = [answer.result() for answer in asked]
    with observe.together():
        observe("statuses while the database answers nothing", expected=[UNAVAILABLE] * PATIENT,
                observed=[answer.status for answer in answers], evidence=answers, remedy=REMEDY)  # fmt: skip
        observe("Retry-After of each", expected=["1"] * PATIENT, observed=[answer.headers.get("retry-after") for answer in answers])


@then("without the database nothing is said about the vote, and afterwards the same as before")
def without_database(receipt: Receipt, observe: Observe) -> None:
    proxy = receipt.system.database
    proxy.refuse(True)
    proxy.reset()
    try:
        away = receipt.ask(receipt.key)
    finally:
        proxy.refuse(False)
    back = eventually(
        lambda: (receipt.ask(receipt.key).json() or {}).get("state"), lambda state: state == "counted", within=COUNTED_SECONDS
    )
    with observe.together():
        observe("status without the database", expected=UNAVAILABLE, observed=away.status, evidence=away, remedy=REMEDY)
        observe("seconds without the database", expected=f"at most {SECONDS_MOST}", observed=round(away.seconds, 2), timed=True,
                holds=away.seconds <= SECONDS_MOST)  # fmt: skip
        observe("state afterwards", expected="counted", observed=back.value, evidence=back.story)


def _observe_told(receipt: Receipt, state: str, observe: Observe) -> None:
    told = receipt.told()
    with observe.together():
        observe(
            "state", expected=dict.fromkeys(told, state), observed={name: body.get("state") for name, body in told.items()}, remedy=REMEDY
        )
        observe("option", expected={"the key": OPTION, "another key": None, "no key": None},
                observed={name: body.get("option", "missing") for name, body in told.items()}, remedy=REMEDY)  # fmt: skip
        observe(
            "fields",
            expected=[["counted_at", "option", "state", "vote_id"]],
            observed=[list(one) for one in sorted({tuple(sorted(body)) for body in told.values()})],
        )
