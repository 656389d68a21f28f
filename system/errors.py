"""The exception tree of the voting system:

SystemFault
├── SettingsInvalid    an environment variable is invalid; the process prints one line and exits
├── EntryMalformed     a stream entry is not a vote; it moves to the dead-letter stream with the reason
├── StoreUnfit         Redis or PostgreSQL responds, and its role or a setting makes it unsafe for votes; nothing is done there
└── KeyReused          an Idempotency-Key was sent again with a different option
"""

CONNECTION_GONE = RuntimeError
"""What uvloop raises for a write to a connection that was just reset. Neither redis-py nor asyncpg translates it."""


class SystemFault(Exception):
    """Base class of every error this package raises on purpose."""


class SettingsInvalid(SystemFault):
    """An environment variable is invalid. The message is one line, names the variable and contains no secret."""


class EntryMalformed(SystemFault):
    """A stream entry violates the contract. `str()` is the reason stored in the dead-letter stream."""


class StoreUnfit(SystemFault):
    """A server must not be used. The message names the server, what was found there and what is needed."""


class KeyReused(SystemFault):
    """The same Idempotency-Key was sent with a different option."""


def summary(failure: BaseException) -> str:
    """Return the text of a failure for the log: the type, because other texts may hold what a client sent, or what is unfit."""
    return str(failure) if isinstance(failure, StoreUnfit) else type(failure).__name__
