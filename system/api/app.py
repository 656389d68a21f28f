"""Assembles the API from its routes and middleware."""

import contextlib
import warnings
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from system import API_VERSION
from system.api.cors import Cors
from system.api.events import ApiEvent
from system.api.fast_path import FastPath
from system.api.headers import SecurityHeaders, security_headers
from system.api.health import add_health
from system.api.metrics import Metrics, add_metrics
from system.api.page import add_page, describe_form
from system.api.rate_limit import RateLimit, with_mapped
from system.api.receipts import add_receipts
from system.api.request_log import RequestLog
from system.api.responses import Problem, internal_error
from system.api.results import ResultsReader, Store, add_results, results_route
from system.api.stream import VoteStream
from system.api.votes import VoteDecoder, VoteEndpoint, vote_route
from system.logs import logger
from system.settings import ApiSettings


def create_app(settings: ApiSettings, stream: VoteStream, store: Store) -> ASGIApp:
    """Build the application. It starts without Redis and the database, and closes both connections when it stops."""
    metrics = Metrics()
    for option in settings.vote_options:  # a series that began with a vote would show when that was
        metrics.accepted.labels(option)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log = logger()
        log.info(ApiEvent.STARTED, host=settings.api_host, port=settings.api_port, version=API_VERSION)
        yield
        await stream.close()
        await store.close()
        log.info(ApiEvent.STOPPED)

    api = FastAPI(
        title="Votes",
        version=API_VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json" if settings.environment == "development" else None,
        docs_url=None,  # it loads third-party scripts, which the content security policy forbids
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # unused, and it costs 15 us per vote
    )
    decoder = VoteDecoder(settings.vote_options)
    votes = VoteEndpoint(stream, decoder, metrics.accepted)
    reader = ResultsReader(store, settings.vote_options)
    plain = [vote_route(votes, decoder), results_route(reader)]
    api.router.routes.extend(plain)
    add_results(api, reader)
    add_receipts(api, store, stream)
    add_health(api, stream, store)
    add_metrics(api, metrics, stream)
    add_page(api, settings, votes, reader)
    _describe(api, settings)

    @api.exception_handler(Exception)
    async def fail(_request: Request, _failure: Exception) -> JSONResponse:
        return JSONResponse(Problem(detail="Internal Server Error"), status_code=500)

    app: ASGIApp = FastPath(api, plain)
    if settings.rate_limit:
        app = RateLimit(app, settings, stream, [route for route in api.routes if isinstance(route, Route)])
    app = Cors(app, settings.cors_origins)
    app = RequestLog(app, metrics, failed=Cors(internal_error, settings.cors_origins))
    if settings.trusted_proxies:
        app = ProxyHeadersMiddleware(app, with_mapped(settings.trusted_proxies))  # type: ignore[arg-type, assignment] # uvicorn's own ASGI types
    return SecurityHeaders(app, security_headers(https_only=settings.environment == "production"))


def _describe(api: FastAPI, settings: ApiSettings) -> None:
    """Make OpenAPI operation ids unique, and describe the form. FastAPI describes all methods of a route alike and warns about the ids."""

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Duplicate Operation ID")
                api.openapi_schema = get_openapi(title=api.title, version=api.version, routes=api.routes)
            describe_form(api.openapi_schema["paths"]["/"], settings.vote_options)
            for path in api.openapi_schema["paths"].values():
                for method, operation in path.items():
                    operation["operationId"] = f"{operation['operationId']}_{method}"
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way
