"""Steps with ids of requests that clients choose."""

from dataclasses import dataclass

from pytest_bdd import parsers, then, when

from validation.core.waiting import eventually
from validation.probes.running.http import Answer, HttpProbe
from validation.record.observe import Observe
from validation.targets.base import Api

LETTERS = {"of 64 letters": "a" * 64, "of 65 letters": "b" * 65, "of 4096 letters": "c" * 4096, "of no letter": "", "with a space": "d d"}
LOGGED_SECONDS = 5.0
NEW_LENGTH = 36
REMEDY = "REQUEST_ID in system/api/request_log.py"


@dataclass(frozen=True, slots=True)
class Named:
    """A request with an id."""

    what: str
    sent: str
    kept: bool
    answer: Answer

    @property
    def id(self) -> str:
        """The id in the response."""
        return self.answer.headers.get("x-request-id", "")


@when("clients send it requests with these ids", target_fixture="named")
def send_with_ids(own_api: Api, datatable: list[list[str]]) -> list[Named]:
    http = HttpProbe(own_api.url)
    return [
        Named(what, LETTERS[what], kept == "yes", http.send("GET", "/api/results", headers={"X-Request-ID": LETTERS[what]}))
        for what, kept in datatable[1:]
    ]


@then(parsers.parse("each response has the id that was kept or a new one, and its log line has the same and at most {most:d} bytes"))
def ids_are_bounded(named: list[Named], most: int, own_api: Api, observe: Observe) -> None:
    ids = {one.id for one in named}
    logged = eventually(
        lambda: [line for line in own_api.process.output().splitlines() if any(identity and identity in line for identity in ids)],
        lambda lines: len(lines) >= len(named),
        within=LOGGED_SECONDS,
    )
    with observe.together():
        for one in named:
            right = one.id == one.sent if one.kept else one.id != one.sent and len(one.id) == NEW_LENGTH
            observe(f"the id of a request with one {one.what}", expected="its own" if one.kept else "a new one", observed=one.id[:80],
                    holds=right, remedy=REMEDY)  # fmt: skip
        observe("log lines with these ids", expected=len(named), observed=len(logged.value), evidence=logged.story)
        observe("bytes of the longest line", expected=f"at most {most}", observed=max(map(len, logged.value), default=0),
                holds=0 < max(map(len, logged.value), default=0) <= most, remedy=REMEDY)  # fmt: skip
