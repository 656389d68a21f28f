"""What the API can say in its log, beside the events of `system.logs`."""

from enum import StrEnum


class ApiEvent(StrEnum):
    """A new event is a new line here."""

    STARTING = "api_starting"
    STARTED = "api_started"
    STOPPED = "api_stopped"
    REQUEST = "request"
    REQUEST_FAILED = "request_failed"
