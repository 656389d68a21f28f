"""A PostgreSQL in trouble."""

from collections.abc import Callable
from typing import Any

from validation.core.errors import ProbeError
from validation.core.waiting import eventually
from validation.faults.environment import FaultEnvironment
from validation.faults.redis import HarnessFailed

LOCKED_SECONDS = 20.0
OTHERS = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
CONNECTIONS_MAX = 200


class Restarted(HarnessFailed):
    """It is stopped and started at once."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._before = storm.target.database.require_managed().pid
        storm.target.database.stop()
        storm.target.database.start()

    def seen(self, storm: FaultEnvironment) -> str:
        now = storm.target.database.require_managed().pid
        return f"process {self._before} became {now}" if now != self._before else ""

    def end(self, storm: FaultEnvironment) -> None:
        """It is back already."""


class Sessionless(HarnessFailed):
    """An administrator ends all sessions."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._ended = storm.store.ask(f"select count(pg_terminate_backend(pid)) {OTHERS}")

    def seen(self, storm: FaultEnvironment) -> str:  # noqa: ARG002 - as the others
        return f"{self._ended} sessions ended" if self._ended else ""

    def end(self, storm: FaultEnvironment) -> None:
        """They connect again by themselves."""


class Locked(HarnessFailed):
    """Somebody holds both tables for 20 seconds."""

    seconds = LOCKED_SECONDS

    def begin(self, storm: FaultEnvironment) -> None:
        self._session = storm.store.session()
        storm.store.execute(self._session, "begin; lock table vote_ledger, votes in access exclusive mode")
        self._waited = 0

    def seen(self, storm: FaultEnvironment) -> str:
        waiting = "select count(*) from pg_locks where not granted"
        self._waited = eventually(lambda: storm.store.ask(waiting), bool, within=5.0).value
        return f"{self._waited} sessions waited for a lock" if self._waited else ""

    def end(self, storm: FaultEnvironment) -> None:
        storm.store.execute(self._session, "rollback")
        storm.store.close_session(self._session)


class ReadOnly(HarnessFailed):
    """It takes no writes, as after a failover to the wrong server."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._set(storm, "on")

    def seen(self, storm: FaultEnvironment) -> str:
        tried = eventually(lambda: any("read-only" in consumer.output() for consumer in storm.consumers), bool, within=5.0)
        return "a consumer's statement was refused: read-only" if tried.held else ""

    def end(self, storm: FaultEnvironment) -> None:
        self._set(storm, "off")

    def _set(self, storm: FaultEnvironment, value: str) -> None:
        session = storm.store.session()
        storm.store.execute(session, "set default_transaction_read_only = off")
        storm.store.execute(session, f"alter system set default_transaction_read_only = {value}")
        storm.store.execute(session, "select pg_reload_conf()")
        storm.store.execute(session, f"select pg_terminate_backend(pid) {OTHERS}")
        storm.store.close_session(session)


class Exhausted(HarnessFailed):
    """Others hold all of its connections."""

    def begin(self, storm: FaultEnvironment) -> None:
        self._sessions: list[Any] = []
        self._refused = ""
        first = storm.store.session()
        self._sessions.append(first)
        storm.store.execute(first, f"select pg_terminate_backend(pid) {OTHERS}")
        try:
            while len(self._sessions) < CONNECTIONS_MAX:
                self._sessions.append(storm.store.session())
        except ProbeError as error:
            self._refused = str(error)

    def seen(self, storm: FaultEnvironment) -> str:  # noqa: ARG002 - as the others
        return f"after {len(self._sessions)} sessions: {self._refused}" if "too many clients" in self._refused else ""

    def end(self, storm: FaultEnvironment) -> None:
        for session in self._sessions:
            storm.store.close_session(session)


IN_TROUBLE: dict[str, Callable[[], HarnessFailed]] = {
    "PostgreSQL is restarted": Restarted,
    "PostgreSQL ends all sessions": Sessionless,
    "PostgreSQL's tables are locked for 20 s": Locked,
    "PostgreSQL is read-only": ReadOnly,
    "PostgreSQL has no connection left": Exhausted,
}
