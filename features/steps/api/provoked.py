"""Steps that provoke each kind of response of the API."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from pytest_bdd import parsers, when

from features.support.api import probe_when_healthy
from features.support.parts import server
from validation.core import protocol
from validation.core.waiting import consistently, eventually
from validation.probes.running.clients import Client
from validation.probes.running.http import Answer, HttpProbe
from validation.probes.running.page import FORM
from validation.probes.running.store import StoreProbe
from validation.targets.launching import LaunchingTarget

ORIGIN = "https://vote.example"
TOO_MANY = 429
JSON = {"Content-Type": "application/json"}
HEAL_SECONDS, ARRIVES_SECONDS = 10.0, 0.5
LINE, HOST = b"POST /api/vote HTTP/1.1\r\n", b"Host: votecheck\r\n"


@when(parsers.re("a client provokes (?P<kind>.+)"), target_fixture="answer")
def client_provokes(kind: str, request: pytest.FixtureRequest) -> Answer:
    provoke: Callable[[pytest.FixtureRequest], Answer] = PROVOKED[kind]
    return provoke(request)


def _accepted(request: pytest.FixtureRequest) -> Answer:
    return _http(request).vote("cats", request.getfixturevalue("sent_votes").key())


def _without_redis(request: pytest.FixtureRequest) -> Answer:
    redis = server(request.getfixturevalue("target"), "Redis")
    request.addfinalizer(redis.restore)
    redis.stop()
    return _http(request).vote("cats")


def _internal_error(request: pytest.FixtureRequest) -> Answer:
    """Read results from an API whose database holds counts that it cannot parse."""
    store: StoreProbe = request.getfixturevalue("store")
    target: LaunchingTarget = request.getfixturevalue("target")
    target.database.require_managed()
    store.stage_nonsense("votecheck_nonsense")
    request.addfinalizer(lambda: store.drop("votecheck_nonsense"))
    api = request.getfixturevalue("start_api")(DATABASE_URL=f"{target.database.url}?search_path=votecheck_nonsense")
    return probe_when_healthy(api).send("GET", "/api/results")


def _too_many(request: pytest.FixtureRequest) -> Answer:
    """Send requests to an API that allows two in a window, until one is refused."""
    probe = probe_when_healthy(request.getfixturevalue("start_api")(RATE_LIMIT="2/minute"))
    return eventually(lambda: probe.vote("birds"), lambda answer: answer.status == TOO_MANY, within=HEAL_SECONDS).value


def _half_a_body(request: pytest.FixtureRequest) -> Answer:
    """Send half a body to an API that then is told to stop: so it waits for the rest for a second only."""
    api = request.getfixturevalue("start_api")()
    probe = probe_when_healthy(api)
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(probe.raw, LINE + HOST + b"Content-Type: application/json\r\nContent-Length: 17\r\n\r\n", b'{"option"')
        consistently(answer.done, lambda done: not done, during=ARRIVES_SECONDS)
        api.process.send(signal.SIGTERM)
        return answer.result()


def _live_results(request: pytest.FixtureRequest) -> Answer:
    """Ask for the event stream, whose response does not end."""
    address = urlsplit(_http(request).url)
    return Client(address.hostname or "", address.port or 80, "").send("GET", "/api/results/stream")


def _unchanged_results(request: pytest.FixtureRequest) -> Answer:
    """Ask for the results with the tag of any."""
    return _http(request).send("GET", "/api/results", headers={"If-None-Match": "*"})


def _http(request: pytest.FixtureRequest) -> HttpProbe:
    probe: HttpProbe = request.getfixturevalue("http")
    return probe


TOO_LARGE = b" " * (protocol.BODY_LIMIT_BYTES + 1)
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
PROVOKED: dict[str, Callable[[pytest.FixtureRequest], Answer]] = {
    "results": lambda r: _http(r).send("GET", "/api/results"),
    "a HEAD request for /health": lambda r: _http(r).send("HEAD", "/health"),
    "an accepted vote": _accepted,
    "an unknown path": lambda r: _http(r).send("GET", "/nowhere"),
    "a wrong method": lambda r: _http(r).send("DELETE", "/api/vote"),
    "an announced large body": lambda r: _http(r).send("POST", "/api/vote", headers=JSON, content=TOO_LARGE),
    "a chunked large body": lambda r: _http(r).send("POST", "/api/vote", headers=JSON, content=iter([TOO_LARGE])),
    "an unknown option": lambda r: _http(r).vote("birds"),
    "a preflight": lambda r: _http(r).send("OPTIONS", "/api/vote", headers=PREFLIGHT),
    "a malformed key": lambda r: _http(r).vote("cats", "two words"),
    "a content type that is not JSON": lambda r: _http(r).send(
        "POST", "/api/vote", headers={"Content-Type": "text/plain"}, content=b"cats"
    ),
    "a target of 20000 bytes": lambda r: _http(r).raw(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "10000 headers": lambda r: _http(r).raw(LINE + HOST + b"X: a\r\n" * 10_000 + b"\r\n"),
    "an unknown expectation": lambda r: _http(r).raw(LINE + HOST + b"Content-Length: 17\r\nExpect: applause\r\n\r\n"),
    "an unknown method": lambda r: _http(r).raw(b"VOTE /api/vote HTTP/1.1\r\n" + HOST + b"\r\n"),
    "another version of HTTP": lambda r: _http(r).raw(b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    "half a body": _half_a_body,
    "malformed HTTP": lambda r: _http(r).raw(b"GET / HTTP/1.1\r\nHost: votecheck\r\nnot a header\r\n\r\n"),
    "too many requests": _too_many,
    "the voting page": lambda r: _http(r).send("GET", "/"),
    "the script of the voting page": lambda r: _http(r).send("GET", "/static/app.js"),
    "the style sheet of the page": lambda r: _http(r).send("GET", "/static/style.css"),
    "the icon of the voting page": lambda r: _http(r).send("GET", "/static/icon.svg"),
    "a HEAD request for the page": lambda r: _http(r).send("HEAD", "/"),
    "a form of another site": lambda r: _http(r).send("POST", "/", headers={"Content-Type": FORM, "Sec-Fetch-Site": "cross-site"}),
    "live results": _live_results,
    "unchanged results": _unchanged_results,
    "the metrics": lambda r: _http(r).send("GET", "/metrics"),
    "an internal error": _internal_error,
    "a vote without Redis": _without_redis,
}
