"""Faults inside PostgreSQL."""

from collections.abc import Iterator
from typing import Any

from validation.core.errors import ProbeError
from validation.core.waiting import eventually
from validation.faults.base import Fault, ServerFault
from validation.faults.environment import FaultEnvironment

LOCKED_SECONDS = 20.0
EFFECT_SECONDS = 5.0
OTHER_SESSIONS = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
CONNECTIONS_MAX = 200


class Restarted(ServerFault):
    """PostgreSQL is stopped and started at once."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._before = environment.target.database.require_managed().pid
        environment.target.database.stop()
        environment.target.database.start()

    def effect(self, environment: FaultEnvironment) -> str:
        now = environment.target.database.require_managed().pid
        return f"process {self._before} became {now}" if now != self._before else ""

    def end(self, environment: FaultEnvironment) -> None:
        """Do nothing: PostgreSQL runs again."""


class SessionsTerminated(ServerFault):
    """An administrator terminates all sessions."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._terminated = environment.store.ask(f"select count(pg_terminate_backend(pid)) {OTHER_SESSIONS}")

    def effect(self, environment: FaultEnvironment) -> str:  # noqa: ARG002 - the interface of every fault
        return f"{self._terminated} sessions terminated" if self._terminated else ""

    def end(self, environment: FaultEnvironment) -> None:
        """Do nothing: clients reconnect by themselves."""


class TablesLocked(ServerFault):
    """Another session locks both tables for 20 seconds."""

    seconds = LOCKED_SECONDS

    def begin(self, environment: FaultEnvironment) -> None:
        self._session = environment.store.session()
        environment.store.execute(self._session, "begin; lock table vote_ledger, votes in access exclusive mode")

    def effect(self, environment: FaultEnvironment) -> str:
        waiting = "select count(*) from pg_locks where not granted"
        count = eventually(lambda: environment.store.ask(waiting), bool, within=EFFECT_SECONDS).value
        return f"{count} sessions waited for a lock" if count else ""

    def end(self, environment: FaultEnvironment) -> None:
        environment.store.execute(self._session, "rollback")
        environment.store.close_session(self._session)


class ReadOnly(ServerFault):
    """PostgreSQL refuses writes, as after a failover to the wrong server."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._set(environment, "on")

    def effect(self, environment: FaultEnvironment) -> str:
        refused = eventually(
            lambda: any("read-only" in consumer.output() for consumer in environment.consumers), bool, within=EFFECT_SECONDS
        )
        return "a consumer's statement was refused: read-only" if refused.held else ""

    def end(self, environment: FaultEnvironment) -> None:
        self._set(environment, "off")

    def _set(self, environment: FaultEnvironment, value: str) -> None:
        store = environment.store
        session = store.session()
        store.execute(session, "set default_transaction_read_only = off")
        store.execute(session, f"alter system set default_transaction_read_only = {value}")
        store.execute(session, "select pg_reload_conf()")
        store.execute(session, f"select pg_terminate_backend(pid) {OTHER_SESSIONS}")
        store.close_session(session)


class ConnectionsExhausted(ServerFault):
    """Other clients hold all connections."""

    def begin(self, environment: FaultEnvironment) -> None:
        self._sessions: list[Any] = []
        self._refused = ""
        first = environment.store.session()
        self._sessions.append(first)
        environment.store.execute(first, f"select pg_terminate_backend(pid) {OTHER_SESSIONS}")
        try:
            while len(self._sessions) < CONNECTIONS_MAX:
                self._sessions.append(environment.store.session())
        except ProbeError as error:
            self._refused = str(error)

    def effect(self, environment: FaultEnvironment) -> str:  # noqa: ARG002 - the interface of every fault
        return f"after {len(self._sessions)} sessions: {self._refused}" if "too many clients" in self._refused else ""

    def end(self, environment: FaultEnvironment) -> None:
        for session in self._sessions:
            environment.store.close_session(session)


def database_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every fault of PostgreSQL with its name."""
    yield "PostgreSQL is restarted", Restarted()
    yield "PostgreSQL terminates all sessions", SessionsTerminated()
    yield "the PostgreSQL tables are locked for 20 s", TablesLocked()
    yield "PostgreSQL is read-only", ReadOnly()
    yield "PostgreSQL has no free connection", ConnectionsExhausted()
