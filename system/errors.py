"""The errors of the system, as a tree:

SystemFault
├── SettingsInvalid    an environment variable cannot be used; the process ends with one line
├── EntryMalformed     a stream entry is not a vote; it goes to the dead letters with the reason
└── KeyReused          an Idempotency-Key came back with another option
"""

CONNECTION_GONE = RuntimeError
"""What uvloop raises for a write to a connection that was reset a moment ago. Neither redis-py nor asyncpg takes it for what it is."""


class SystemFault(Exception):
    """Base of every error that this package raises on purpose."""


class SettingsInvalid(SystemFault):
    """An environment variable is missing or cannot be used. The text is one line, names the variable and hides secrets."""


class EntryMalformed(SystemFault):
    """A stream entry does not keep the contract. `str()` is the reason that goes to the dead letters."""


class KeyReused(SystemFault):
    """The same Idempotency-Key was sent with another option."""
