"""Events the API logs in addition to those in `system.logs`."""

from enum import StrEnum


class ApiEvent(StrEnum):
    """Every event specific to the API. Add new events here."""

    STARTING = "api_starting"
    STARTED = "api_started"
    STOPPED = "api_stopped"
    REQUEST = "request"
    REQUEST_FAILED = "request_failed"
