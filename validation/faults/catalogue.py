"""Every fault by its name in the features and in `votecheck load --fault`."""

from validation.faults.base import Fault
from validation.faults.connection import connection_faults
from validation.faults.database import database_faults
from validation.faults.process import process_faults
from validation.faults.redis import redis_faults


def all_faults() -> dict[str, Fault]:
    """Return new instances of all faults, by name."""
    return {**dict(process_faults()), **dict(connection_faults()), **dict(redis_faults()), **dict(database_faults())}
