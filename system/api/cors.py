"""CORS: which other origins may call the API from a browser."""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from system.api.responses import Problem

METHODS = ("GET", "POST", "OPTIONS")
HEADERS = ("Content-Type", "Authorization", "Accept", "Idempotency-Key")
EXPOSED = ("Retry-After", "X-Request-ID")
MAX_AGE_SECONDS = 600


class Cors(CORSMiddleware):
    """Starlette's middleware, limited to the published headers, with a bare error for origins that are not allowed.

    Starlette itself adds two allowed headers, reveals the rules and the exposed headers to any origin, and responds in plain text.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=HEADERS,
            max_age=MAX_AGE_SECONDS,
        )
        self.preflight_headers["Access-Control-Allow-Headers"] = ", ".join(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, and permit allowed origins to read the response."""
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        async def send_with_vary(message: Message) -> None:  # caches must not reuse this response for another origin
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
            await send(message)

        await self.app(scope, receive, send_with_vary)

    @staticmethod
    def allow_explicit_origin(headers: MutableHeaders, origin: str) -> None:
        """Permit an allowed origin to read the response, with the headers that scripts cannot read otherwise."""
        CORSMiddleware.allow_explicit_origin(headers, origin)
        headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the preflight response: 200 with the rules, or 400 without them."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:  # noqa: PLR2004 - an HTTP status
            return response
        problem = Problem(detail="This origin, method or header is not allowed")
        return JSONResponse(problem, status_code=400, headers={"Vary": response.headers["vary"]})
