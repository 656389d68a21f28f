"""Steps about the log of a vote that was refused, because its key stands for another one."""

from dataclasses import dataclass

from pytest_bdd import then, when

from features.support.parts import record_vote
from validation.core import protocol
from validation.core.waiting import eventually
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer, HttpProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

INVALID, LOGGED_SECONDS = 422, 10.0


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A vote that counts, and the refusal of its key for another option."""

    vote_id: str
    refusal: Answer


@when("a voter sends the key of a vote again, for another option", target_fixture="contradicted")
def contradicts(http: HttpProbe, sent_votes: SentVotes) -> Contradicted:
    key, (option, other) = sent_votes.key(), protocol.OPTIONS[:2]
    accepted = http.vote(option, key)
    record_vote(sent_votes, key, option, accepted)
    return Contradicted(str((accepted.json() or {}).get("vote_id")), http.vote(other, key))


@then("the line about this refusal names no vote")
def names_no_vote(contradicted: Contradicted, target: LaunchingTarget, observe: Observe) -> None:
    identity = contradicted.refusal.headers.get("x-request-id", "none")

    def lines() -> list[str]:
        return [line for line in target.api.process.output().splitlines() if identity in line]

    logged = eventually(lines, bool, within=LOGGED_SECONDS)
    with observe.together():
        observe("status of the key for another option", expected=INVALID, observed=contradicted.refusal.status)
        observe("lines about this request", expected=1, observed=len(logged.value), evidence=logged.story)
        naming = [line for line in logged.value if "vote_id" in line or contradicted.vote_id in line]
        observe("lines about it that name a vote", expected=[], observed=naming, remedy="system/api/request_log.py")
