"""Everything around the routes: headers, errors, CORS, rate limit, request id, request log and metrics."""

import pytest
from structlog.testing import capture_logs

from system.contract import STREAM

from .conftest import Start, running

pytestmark = pytest.mark.anyio
ORIGIN = "https://vote.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/app.js", 200),
        ("HEAD", "/health", 200),
        ("HEAD", "/ready", 200),
        ("GET", "/metrics", 200),
        ("GET", "/api/results", 200),
        ("POST", "/api/vote", 415),
        ("GET", "/api/vote", 405),
        ("OPTIONS", "/api/vote", 405),
        ("GET", "/api/vote/", 404),
        ("GET", "/health/", 404),
        ("GET", "/static/", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/docs", 404),
    ],
)
@pytest.mark.parametrize("environment", ["development", "production"])
async def test_every_response_has_the_security_headers(start: Start, method: str, path: str, status: int, environment: str) -> None:
    async with start(environment=environment) as api:
        answer = await api.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == (
        "default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["x-xss-protection"] == "0"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["cross-origin-opener-policy"] == answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert ("strict-transport-security" in answer.headers) is (environment == "production")
    assert "server" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    if status >= 400:
        assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize(("path", "allowed"), [("/api/vote", {"POST"}), ("/health", {"GET", "HEAD"}), ("/api/results", {"GET"})])
async def test_405_lists_the_allowed_methods(start: Start, path: str, allowed: set[str]) -> None:
    async with start() as api:
        answer = await api.client.delete(path)
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)


async def test_no_response_echoes_client_input(start: Start) -> None:
    async with start() as api:
        for answer in (await api.vote(b'{"option": "S3CRET"}'), await api.client.get("/S3CRET"), await api.vote(Idempotency_Key="S3 C")):
            assert "S3" not in answer.text


async def test_a_preflight_returns_exactly_the_published_headers(start: Start) -> None:
    async with start(cors_origins=(ORIGIN,)) as api:
        answer = await api.client.options("/api/vote", headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization, Accept, Idempotency-Key"
    assert answer.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "http://vote.example", f"{ORIGIN}:444", "null", "*"])
async def test_a_disallowed_origin_learns_no_rules(start: Start, origin: str) -> None:
    async with start(cors_origins=(ORIGIN,)) as api:
        preflight = await api.client.options("/api/vote", headers=PREFLIGHT | {"Origin": origin})
        vote = await api.vote(Origin=origin)
    assert (preflight.status_code, list(preflight.json())) == (400, ["detail"])
    for answer in (preflight, vote):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []


async def test_an_allowed_origin_can_read_errors(start: Start) -> None:
    async with start(cors_origins=(ORIGIN,)) as api:
        answer = await api.vote(b"{}", Origin=ORIGIN)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (422, ORIGIN)
    assert answer.headers["access-control-expose-headers"] == "Retry-After, X-Request-ID"


async def test_an_allowed_origin_can_read_that_the_api_failed(start: Start) -> None:
    async with start(cors_origins=(ORIGIN,)) as api:
        api.redis.set(STREAM, "not a stream")
        allowed, other = await api.vote(Origin=ORIGIN), await api.vote(Origin="https://evil.example")
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (500, ORIGIN)
    assert (other.status_code, other.headers["vary"]) == (500, "Origin")
    assert "access-control-allow-origin" not in other.headers


async def test_requests_over_the_rate_limit_get_429_except_health_ready_and_metrics(start: Start) -> None:
    async with start(rate_limit="3/hour") as api:
        answers = [await api.vote(X_Forwarded_For=f"10.0.0.{number}") for number in range(5)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
        assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
        assert list(answers[-1].json()) == ["detail"]
        assert (await api.client.get("/api/results")).status_code == 429
        for path in ("/health", "/ready", "/metrics"):
            assert (await api.client.get(path)).status_code == 200


async def test_only_a_trusted_proxy_can_set_the_client_address(redis_url: str) -> None:
    async with running(redis_url, rate_limit="1/hour", trusted_proxies=("127.0.0.1",)) as api:
        statuses = [(await api.vote(X_Forwarded_For=sent)).status_code for sent in ("1.1.1.1", "2.2.2.2", "9.9.9.9, 2.2.2.2")]
    assert statuses == [201, 201, 429]


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_3", True), ("x" * 65, False), ("a b", False), ('a"b', False), ("", False)])
async def test_a_valid_request_id_is_kept(start: Start, given: str, kept: bool) -> None:
    async with start() as api:
        answer = await api.client.get("/health", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept


async def test_a_request_logs_one_line_without_client_input(start: Start) -> None:
    with capture_logs() as lines:
        async with start() as api:
            await api.client.request("S3CRET", "/S3CRET?S3CRET", headers={"X-Request-ID": "S3 CRET", "User-Agent": "S3CRET"})
            vote_id = (await api.vote(X_Request_ID="mine")).json()["vote_id"]
    assert "S3" not in str(lines)
    unmatched, vote = lines
    assert (unmatched["method"], unmatched["route"], unmatched["status"]) == ("OTHER", "unmatched", 404)
    assert {**vote, "ms": None} == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "ms": None,
        "request_id": "mine",
        "route": "/api/vote",
        "status": 201,
        "vote_id": vote_id,
    }


async def test_metrics_count_by_route_and_status(start: Start) -> None:
    async with start() as api:
        await api.vote()
        await api.vote(b"{}")
        await api.client.get("/nowhere")
        text = (await api.client.get("/metrics")).text
    assert 'api_requests_total{route="/api/vote",status="201"} 1.0' in text
    assert 'api_requests_total{route="/api/vote",status="422"} 1.0' in text
    assert 'api_requests_total{route="unmatched",status="404"} 1.0' in text
    assert 'api_request_seconds_count{route="/api/vote"} 2.0' in text
    assert 'api_votes_accepted_total{option="cats"} 1.0' in text
    assert "votes_stream_length 1.0" in text


async def test_openapi_describes_every_route_and_is_served_in_development_only(start: Start) -> None:
    async with start(vote_options=("tea", "coffee")) as api:
        document = (await api.client.get("/openapi.json")).json()
    async with start(environment="production") as api:
        assert (await api.client.get("/openapi.json")).status_code == 404
    operations = {(path, method): each for path, item in document["paths"].items() for method, each in item.items()}
    assert set(operations) == {
        ("/", "get"),
        ("/", "head"),
        ("/", "post"),
        ("/api/results", "get"),
        ("/api/results/stream", "get"),
        ("/api/vote", "post"),
        ("/api/votes/{vote_id}", "get"),
        ("/health", "get"),
        ("/health", "head"),
        ("/metrics", "get"),
        ("/ready", "get"),
        ("/ready", "head"),
    }
    assert len({each["operationId"] for each in operations.values()}) == len(operations)
    vote = operations["/api/vote", "post"]
    assert set(vote["responses"]) == {"201", "400", "408", "413", "415", "422", "429", "503"}
    assert [parameter["name"] for parameter in vote["parameters"]] == ["Idempotency-Key"]
    schema = vote["requestBody"]["content"]["application/json"]["schema"]
    assert schema["additionalProperties"] is False
    assert sorted(schema["properties"]["option"]["enum"]) == ["coffee", "tea"]


async def test_the_page_obeys_the_content_security_policy(start: Start) -> None:
    async with start() as api:
        page = await api.client.get("/")
        for path, kind in (
            ("app.js", "text/javascript"),
            ("vote.js", "text/javascript"),
            ("style.css", "text/css"),
            ("icon.svg", "image/svg+xml"),
        ):
            assert f"/static/{path}" in page.text
            assert (await api.client.get(f"/static/{path}")).headers["content-type"].startswith(kind)
    assert page.headers["content-type"].startswith("text/html")
    assert "<style" not in page.text
    assert "style=" not in page.text
    assert "<script>" not in page.text
    assert "onclick" not in page.text
