"""docs/reference/http-api.md: every route, from the OpenAPI document that the API serves, with the headers and limits around it."""

import asyncio
from typing import Any

import httpx

from system.api import body, connections, cors, responses, results
from system.api.app import create_app
from system.api.headers import security_headers
from system.settings import ApiSettings
from tests.hygiene.reference_pages import MADE, row

INTRO = """# HTTP API

Send one `POST /api/vote` per vote. **201 means: this vote is counted exactly once** ([guarantees](../explanation/guarantees.md)).
After a timeout, a reset or any 5xx, send the vote again with the same `Idempotency-Key`.

```sh
curl -X POST http://127.0.0.1:8000/api/vote -H 'Content-Type: application/json' -H 'Idempotency-Key: 7f9c' -d '{"option": "cats"}'
```

In development (`ENVIRONMENT=development`) the API serves its OpenAPI document at `/openapi.json`.
"""
LIMITS = """
## Headers

Every response, errors included, carries these headers. A response of the application also carries an `X-Request-ID`:
the request's own if it is 1 to 64 letters, digits, `.`, `_` or `-`, otherwise a new one. The log line of the request has the same id.

{headers}
With `ENVIRONMENT=production` every response also carries `Strict-Transport-Security: {hsts}`.

Origins listed in `CORS_ORIGINS` may use the methods {methods}
and the request headers {cors_headers}.
Browsers may cache a preflight for {max_age} s. Other origins get no CORS headers.
A page of an allowed origin can read every response of the application, errors included; malformed HTTP is refused without CORS headers.

Results may be cached for two seconds, the page and its files only after asking again. Every other response has `Cache-Control: no-store`.

## Limits

| limit | value | response |
|---|---|---|
| request body | {body_bytes:,} bytes | 413 |
| time for a request to arrive | {patience:g} s; the connection ends within 10 s | 408, or none if nothing of it arrived |
| time for a client to read on | {patience:g} s | the connection is reset |
| age of the results | {fresh:g} s | |
| requests per address | `RATE_LIMIT`, off by default; not for `/health`, `/ready` and `/metrics` | 429 with `Retry-After` |
| a server that does not answer | | 503 with `Retry-After: {retry_after}` |
"""


class Nothing:
    """Stands where Redis and the database would: the document needs neither."""

    def __getattr__(self, name: str) -> Any:
        """Return a coroutine function that does nothing."""

        async def nothing(*_: object) -> None: ...

        return nothing


def page() -> str:
    """Return the page."""
    document = asyncio.run(_document())
    text = MADE.format("the API's OpenAPI document") + INTRO
    for path, operations in document["paths"].items():
        for methods, operation in _alike(operations):
            text += f"\n## {methods} {path}\n\n{operation['description']}\n" + _operation(operation)
    text += "\n## Response bodies\n"
    for name, schema in document["components"]["schemas"].items():
        text += f"\n### {name}\n\n{schema['description']}\n\n" + _fields(schema)
    return text + _limits()


async def _document() -> dict[str, Any]:
    app = create_app(ApiSettings(_env_file=None), Nothing(), Nothing())  # type: ignore[arg-type, call-arg]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api") as client:
        found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


def _alike(operations: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the operations of a path, those with the same description and responses as one: `GET, HEAD`."""
    found: list[tuple[str, dict[str, Any]]] = []
    for method, operation in operations.items():
        known = {name: value for name, value in operation.items() if name != "operationId"}
        if found and found[-1][1] == known:
            found[-1] = f"{found[-1][0]}, {method.upper()}", known
        else:
            found.append((method.upper(), known))
    return found


def _operation(operation: dict[str, Any]) -> str:
    text = ""
    parameters = operation.get("parameters", [])
    if parameters or "requestBody" in operation:
        text += "\n" + row("request", "type", "meaning") + "|---|---|---|\n"
        for one in parameters:
            text += row(
                f"{one['in']} `{one['name']}`", f"{_type(one['schema'])}{'' if one['required'] else ', optional'}", one["description"]
            )
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            for name, field in content["schema"]["properties"].items():
                text += row(f"body `{name}`", _type(field), f"`{kind}`; no other field is allowed")
    text += "\n" + row("status", "meaning", "body") + "|---|---|---|\n"
    for status, response in operation["responses"].items():
        described = "Success." if response["description"] == "Successful Response" else response["description"]
        text += row(status, described, " or ".join(_body(kind, content) for kind, content in response.get("content", {}).items()))
    return text


def _body(kind: str, content: dict[str, Any]) -> str:
    reference = content.get("schema", {}).get("$ref", "")
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})" if name else f"`{kind}`"


def _fields(schema: dict[str, Any]) -> str:
    return row("field", "type") + "|---|---|\n" + "".join(row(f"`{name}`", _type(field)) for name, field in schema["properties"].items())


def _type(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - one return for each shape of a schema
    match schema:
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"anyOf": either}:
            return " or ".join(_type(one) for one in either)
        case {"const": value}:
            return f"`{value}`"
        case {"$ref": reference}:
            return str(reference.rpartition("/")[2])
        case {"type": "array", "items": items}:
            return f"array of {_type(items)}"
        case {"type": kind, "format": form}:
            return f"{kind}, {form}"
        case {"type": kind, "minLength": least, "maxLength": most}:
            return (
                f"{kind} of {least} to {most} visible ASCII characters"
                if "pattern" in schema
                else f"{kind} of {least} to {most} characters"
            )
    return str(schema["type"])


def _limits() -> str:
    production = dict(security_headers(https_only=True).headers)
    always = dict(security_headers(https_only=False).headers)
    (hsts,) = production.keys() - always.keys()
    return LIMITS.format(
        headers=row("header", "value") + "|---|---|\n" + "".join(row(f"`{name}`", f"`{value}`") for name, value in always.items()),
        hsts=production[hsts],
        methods=", ".join(f"`{name}`" for name in cors.METHODS),
        cors_headers=", ".join(f"`{name}`" for name in cors.HEADERS),
        max_age=cors.MAX_AGE_SECONDS,
        body_bytes=body.LIMIT_BYTES,
        patience=connections.CLIENT_DEADLINE_SECONDS,
        fresh=results.FRESH_SECONDS,
        retry_after=responses.RETRY_AFTER_SECONDS,
    )
