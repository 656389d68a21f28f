"""The id of a run, and the name of its record. Apart from the rest of the record, which takes a tenth of a second to import."""

import secrets
from datetime import UTC, datetime

RECORD = "results.jsonl"


def new_run_id() -> str:
    """Return a new run id, which sorts by time and is safe in a file name."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
