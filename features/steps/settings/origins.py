"""Steps that look at the real answers to pages of allowed and of other origins, by status."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from pytest_bdd import then

from features.support.settings_trial import Trial
from validation.core import protocol
from validation.probes.running.clients import Client, Headers
from validation.probes.running.http import Answer
from validation.record.observe import Observe

REMEDY = "system/api/cors.py: every answer passes it, whatever made the answer"
FOREIGN = ("https://evil.example", "https://vote.example", "null")
JSON = ("Content-Type", "application/json")
TOO_LARGE = b" " * (protocol.BODY_LIMIT_BYTES + 1)
PREFLIGHT = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type, idempotency-key"))
EXPOSED = {"retry-after", "x-request-id"}
Ask = Callable[[Client, Headers], Answer]


@then("every response allows exactly these origins")
def allows_origins(trial: Trial, observe: Observe) -> None:
    allowed = trial.values("CORS_ORIGINS")
    foreign = [origin for origin in dict.fromkeys([*FOREIGN, *_alike(allowed)]) if origin not in allowed]
    with observe.together():
        for setting, kinds in _kinds(trial):
            with setting():
                for (what, status), ask in kinds.items():
                    for origin in (*allowed, *foreign, ""):
                        answer = ask(trial.client(), (("Origin", origin),) if origin else ())
                        _observe(what, status, origin, answer, observe, allowed=origin in allowed)
        for origin in (*allowed, *foreign):
            answer = trial.client().send("OPTIONS", "/api/vote", (("Origin", origin), *PREFLIGHT))
            asked = f"a preflight of {origin}"
            observe(asked, expected=200 if origin in allowed else 400, observed=answer.status, evidence=answer.headers)
            observe(f"origin allowed by {asked}", expected=origin if origin in allowed else "none", observed=_allowed(answer))


def _observe(what: str, status: int, origin: str, answer: Answer, observe: Observe, *, allowed: bool) -> None:
    about = f"{what} ({status}) for {origin or 'no origin'}"
    vary = {word.strip().lower() for word in answer.headers.get("vary", "").split(",")}
    observe(f"status of {about}", expected=status, observed=answer.status, evidence=answer)
    observe(f"origin allowed by {about}", expected=origin if allowed else "none", observed=_allowed(answer), remedy=REMEDY)
    observe(f"Vary of {about}", expected="Origin", observed=answer.headers.get("vary"), holds="origin" in vary, remedy=REMEDY)
    observe(f"credentials allowed by {about}", expected="none", observed=answer.headers.get("access-control-allow-credentials", "none"))
    if not allowed:
        observe(f"headers of {about}", expected="some", observed=len(answer.headers), holds=bool(answer.headers))
        rules = sorted(name for name in answer.headers if name.lower().startswith("access-control-"))
        observe(f"CORS headers of {about}", expected=[], observed=rules, remedy=REMEDY)
    if allowed:
        shown = {word.strip().lower() for word in answer.headers.get("access-control-expose-headers", "").split(",")}
        observe(f"headers shown by {about}", expected=sorted(EXPOSED), observed=sorted(shown), holds=shown >= EXPOSED, remedy=REMEDY)


def _allowed(answer: Answer) -> str:
    return answer.headers.get("access-control-allow-origin", "none")


def _alike(allowed: list[str]) -> Iterator[str]:
    """Yield origins that look like the first allowed one."""
    for origin in allowed[:1]:
        scheme, _, host = origin.partition("://")
        yield f"{'http' if scheme == 'https' else 'https'}://{host}"
        yield f"{origin}:444"
        yield f"{origin}.evil.example"
        yield f"{scheme}://evil{host}"


def _kinds(trial: Trial) -> Iterator[tuple[Callable[[], AbstractContextManager[object]], dict[tuple[str, int], Ask]]]:
    """Yield kinds of requests, with the state of the system in which they have their status."""
    option, votes = trial.options[0], iter(range(10**6))

    def vote(client: Client, headers: Headers) -> Answer:
        answer = client.vote(option, f"{trial.token}-{next(votes)}", headers)
        trial.record(option, answer)
        return answer

    def failing(client: Client, headers: Headers) -> Answer:
        return client.vote(option, "", headers)

    yield _nothing, {
        ("results", 200): lambda c, h: c.send("GET", "/api/results", h),
        ("live results", 200): lambda c, h: c.send("GET", "/api/results/stream", h),
        ("an accepted vote", 201): vote,
        ("a malformed key", 400): lambda c, h: c.vote(option, "two words", h),
        ("an unknown path", 404): lambda c, h: c.send("GET", "/nowhere", h),
        ("a wrong method", 405): lambda c, h: c.send("DELETE", "/api/vote", h),
        ("another type of body", 415): lambda c, h: c.send("POST", "/api/vote", [("Content-Type", "text/plain"), *h], b"x"),
        ("an unknown option", 422): lambda c, h: c.vote("unknown", "", h),
        ("a body that is too large", 413): lambda c, h: c.send("POST", "/api/vote", [JSON, *h, ("Content-Length", str(len(TOO_LARGE)))]),
    }  # fmt: skip
    yield lambda: _as_text(trial), {("a vote that fails", 500): failing}
    if trial.value("REDIS_DURABILITY") == "checked":
        yield trial.unsafe_redis, {("a vote without a safe Redis", 503): failing}
    if trial.value("RATE_LIMIT"):
        exhausted = trial.client()
        for _ in range(int(trial.value("RATE_LIMIT").partition("/")[0])):
            exhausted.send("GET", "/nowhere")
        yield _nothing, {("one request too many", 429): lambda _, h: exhausted.vote(option, "", h)}


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _as_text(trial: Trial) -> Iterator[None]:
    """Replace the stream by another type of data for a while."""
    entries = [fields for _, fields in trial.stream.entries_after(protocol.STREAM)]
    trial.stream.forget(protocol.STREAM)
    trial.redis.set_text(protocol.STREAM, "not a stream")
    try:
        yield
    finally:
        trial.stream.forget(protocol.STREAM)
        trial.stream.add_many(protocol.STREAM, entries)
