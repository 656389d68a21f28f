"""POST /api/vote: turn a body and an optional Idempotency-Key into one stream entry."""

import re
import time
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict
from uuid_utils import UUID, uuid5, uuid7

from system.api.body import header_values, read_body
from system.api.fast_path import PlainRoute
from system.api.responses import problems, send_json, unavailable
from system.api.stream import UNAVAILABLE, VoteStream, is_wrong_type
from system.contract import Vote
from system.errors import KeyReused, summary
from system.logs import Event, logger

KEY_NAMESPACE = UUID("6f1d0f0e-5f0c-5d55-9a3b-3f1f0b8f2c57")
"""Vote ids derived from Idempotency-Keys are version 5 UUIDs in this namespace. It must never change: the ledger stores the ids."""

KEY = re.compile(rb"[\x21-\x7e]{1,255}")
QUOTES_PER_PAIR = 4

PROBLEMS = {
    400: "The Idempotency-Key is not 1 to 255 visible ASCII characters, or was sent more than once.",
    408: "The body did not arrive within 10 s.",
    413: "The body is larger than 1 MiB.",
    415: "The Content-Type is not application/json, or the body is compressed.",
    422: "The body is not a vote, or the Idempotency-Key was used for a different option.",
    429: "Too many requests from this address.",
    503: "Redis is unavailable. The vote may or may not have been recorded; send it again with the same Idempotency-Key.",
}


class Accepted(TypedDict):
    """The body of a 201 response: this vote will be counted exactly once."""

    message: str
    option: str
    stream_id: str
    vote_id: str


class VoteDecoder:
    """Strict decoder from a request body to an option."""

    def __init__(self, options: Sequence[str]) -> None:
        # Defined at run time because the options are a setting. The OpenAPI schema is generated from the same type.
        self.model = msgspec.defstruct("VoteBody", [("option", Literal[tuple(options)])], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(self.model)

    def __call__(self, body: bytes) -> str:
        """Return the option that a body votes for.

        Raises:
            HTTPException: 422, the body is not a UTF-8 JSON object with exactly one known option.
        """
        try:
            option: str = self._decoder.decode(body).option  # type: ignore[attr-defined] # the model is defined at run time
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise HTTPException(422, "The body must be a JSON object with one known option") from None
        # msgspec accepts duplicate keys, and the last one wins. Every key here is "option" and every value an option name; neither
        # contains a quote, so more than four quotes mean a duplicate.
        if body.count(b'"') != QUOTES_PER_PAIR:
            raise HTTPException(422, "The body must contain the option exactly once")
        return option


def idempotency_key(scope: Scope) -> str | None:
    """Return the request's Idempotency-Key, or None if it has none.

    Raises:
        HTTPException: 400, the key is malformed or sent more than once.
    """
    keys = header_values(scope, b"idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not KEY.fullmatch(keys[0]):
        raise HTTPException(400, "The Idempotency-Key must be 1 to 255 visible ASCII characters, sent once")
    return keys[0].decode("ascii")


def vote_id_of(key: str) -> str:
    """Return the id of the vote that is sent with a key."""
    return str(uuid5(KEY_NAMESPACE, key))


def is_json(scope: Scope) -> bool:
    """Return whether there is exactly one Content-Type and it is JSON."""
    types = header_values(scope, b"content-type")
    return len(types) == 1 and types[0].split(b";", 1)[0].strip().lower() == b"application/json"


class VoteEndpoint:
    """The vote endpoint as a plain ASGI application."""

    def __init__(self, stream: VoteStream, decoder: VoteDecoder, accepted: Counter) -> None:
        self._stream = stream
        self._decode = decoder
        self._accepted = accepted
        self._log = logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept one vote."""
        body = await read_body(scope, receive)
        if body is None:
            return
        if not is_json(scope):
            raise HTTPException(415, "The Content-Type must be application/json")
        if any(coding.lower() != b"identity" for coding in header_values(scope, b"content-encoding")):
            raise HTTPException(415, "The body must not be compressed", {"Accept-Encoding": "identity"})
        key = idempotency_key(scope)
        vote_id = str(uuid7()) if key is None else vote_id_of(key)
        vote = Vote(self._decode(body), time.time_ns() // 1_000_000, vote_id, scope.get("traceparent", ""))
        scope["vote_id"] = vote_id  # for the request log
        stream_id = await self.add(vote, key)
        await send_json(send, 201, Accepted(message="Vote accepted", option=vote.option, stream_id=stream_id, vote_id=vote.vote_id))

    async def add(self, vote: Vote, key: str | None) -> str:
        """Add a vote to the stream, at most once if it has a key, and return the id of its entry.

        Raises:
            HTTPException: 422, the key was used for a different option; 503, Redis does not respond or refuses the vote.
        """
        vote_id = vote.vote_id
        try:
            stream_id = await (self._stream.add(vote) if key is None else self._stream.add_once(vote))
        except KeyReused:
            raise HTTPException(422, "The Idempotency-Key was used for a different option") from None
        except UNAVAILABLE as failure:
            if is_wrong_type(failure):
                raise
            self._log.warning(Event.REDIS_UNAVAILABLE, vote_id=vote_id, error=summary(failure))
            raise unavailable("Redis") from None
        self._accepted.labels(vote.option).inc()
        return stream_id


def vote_route(endpoint: VoteEndpoint, decoder: VoteDecoder) -> PlainRoute:
    """Return the route of the endpoint, described with the options that the decoder knows."""

    async def cast_vote() -> None:
        """Accept a vote. 201 promises that it will be counted exactly once; after any 5xx, send it again with the same key."""

    accepted = {"model": Accepted, "description": "The vote is in the stream."}
    described = {"responses": {201: accepted, **problems(PROBLEMS)}, "openapi_extra": _request(decoder)}
    return PlainRoute("/api/vote", endpoint, cast_vote, methods=["POST"], status_code=201, **described)


def _request(decoder: VoteDecoder) -> dict[str, Any]:
    (_,), components = msgspec.json.schema_components([decoder.model])
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Votes repeated with the same key count once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }
    content = {"application/json": {"schema": components["VoteBody"]}}
    return {"parameters": [key], "requestBody": {"required": True, "content": content}}
