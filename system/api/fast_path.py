"""The shortest way to the routes that take almost all requests: past FastAPI, whose router and five layers take longer than they do."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from system.api.responses import send_json, send_problem


class PlainRoute(APIRoute):
    """Registers a plain ASGI application in the router and the OpenAPI document.

    Args:
        path: its path, without parameters.
        app: the application. It may raise HTTPException.
        describe: a function whose name and docstring describe the operation.
        options: what else FastAPI documents.
    """

    def __init__(self, path: str, app: ASGIApp, describe: Callable[[], Any], **options: Any) -> None:
        super().__init__(path, describe, **options)
        self.app = app


class FastPath:
    """Routes requests to plain routes, and passes everything else on."""

    def __init__(self, app: ASGIApp, routes: Sequence[PlainRoute]) -> None:
        self._app = app
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request of a plain route, including one that it refuses."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            if scope["type"] == "http" and scope["path"] == "*":  # OPTIONS about the server as a whole
                await send_json(send, 200, {}, [(b"allow", b"GET, HEAD, POST, OPTIONS")])
            else:
                await self._app(scope, receive, send)
            return
        scope["route"] = route
        try:
            await route.app(scope, receive, send)
        except HTTPException as refusal:
            await send_problem(send, refusal)
