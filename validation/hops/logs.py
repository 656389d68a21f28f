"""What the logs of consumers tell about one vote: by its id where they name it, else by the batch that its entry was in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validation.probes.running.stream import order_of

Logs = Mapping[str, Sequence[Mapping[str, Any]]]
"""The log of each consumer, by its name."""
BATCHES = frozenset({"processing_vote", "vote_processed"})


def delivered_by(vote_id: str, stream_id: str, logs: Logs) -> str:
    """Return which consumer logged that it had a vote, with its last lines about it; empty if none did."""
    for name, events in logs.items():
        lines = [event for event in events if event.get("vote_id") == vote_id or _names(event, stream_id)]
        if not lines and not of_every_vote({name: events}):
            lines = [event for event in events if _covers(event, stream_id)]
        if lines:
            return f"{name}: {'; '.join(_told(lines))}"
    return ""


def of_every_vote(logs: Logs) -> bool:
    """Return whether there are logs, and each is at DEBUG, where it has a line for each vote that its consumer received."""
    return bool(logs) and all(any(_starts_at_debug(event) for event in events) for events in logs.values())


def _starts_at_debug(event: Mapping[str, Any]) -> bool:
    return event.get("event") == "consumer_starting" and event.get("log_level") == "DEBUG"


def _names(event: Mapping[str, Any], stream_id: str) -> bool:
    return bool(stream_id) and (event.get("stream_id") == stream_id or stream_id in (event.get("stream_ids") or ()))


def _covers(event: Mapping[str, Any], stream_id: str) -> bool:
    if event.get("event") not in BATCHES or not stream_id:
        return False
    first, last = (order_of(str(event.get(end, ""))) for end in ("first", "last"))
    return first <= order_of(stream_id) <= last


def _told(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for event in lines[-2:]:
        reason = event.get("reason") or event.get("error") or ""
        batch = f" of {event.get('first')} to {event.get('last')}" if "first" in event else ""
        yield f"{event.get('event')}{batch} at {str(event.get('timestamp', ''))[11:23]}{f' ({reason})' if reason else ''}"
