"""A span for each vote that the API gets, outside of everything else that handles it. Imported only if a collector is configured.

A span names no client: no address, no header but `traceparent`, no query. It has neither body nor option.
"""

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from system.api.body import header_values
from system.tracing import Tracing, parent, traceparent

PATH = "/api/vote"
FIRST_FAILURE = 500


class TracedVotes:
    """Wraps the application: continues the trace of each vote, and hands it on to the endpoint in the scope."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle votes; pass everything else on. Whatever was not sent yet is sent when the application stops."""
        if scope["type"] == "lifespan":

            async def send_after_close(message: Message) -> None:
                if message["type"] == "lifespan.shutdown.complete":
                    self._tracing.close()
                await send(message)

            await self._app(scope, receive, send_after_close)
        elif scope["path"] == PATH and scope["method"] == "POST":
            await self._vote(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _vote(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = header_values(scope, b"traceparent")
        context = parent(given[0].decode("latin-1")) if len(given) == 1 else None
        span = self._tracing.tracer.start_span(
            f"POST {PATH}",
            context or Context(),
            SpanKind.SERVER,
            {"http.request.method": "POST", "http.route": PATH, "url.path": PATH, "url.scheme": scope["scheme"]},
        )
        scope["traceparent"] = traceparent(span)

        async def send_with_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= FIRST_FAILURE:
                    span.set_attribute("error.type", str(status))
                    span.set_status(StatusCode.ERROR)
            await send(message)

        try:
            await self._app(scope, receive, send_with_status)
        finally:
            if "vote_id" in scope:
                span.set_attribute("vote_id", scope["vote_id"])
            span.end()
