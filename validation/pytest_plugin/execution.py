"""One run of the scenarios: clean up after earlier runs, open the record, and hand both to pytest, in one process or in several."""

import time
from collections.abc import Mapping, Sequence

from validation.core.interruption import Interrupted
from validation.core.settings import PROJECT, RunSettings
from validation.pytest_plugin.processors import ProcessorWatch
from validation.pytest_plugin.requirements import record_required, share_of, split
from validation.pytest_plugin.side_by_side import run_side_by_side
from validation.pytest_plugin.worker import run_scenarios
from validation.record.events import HarnessFailed, KnownProof, Listener, RunFinished, SubjectSeen
from validation.record.last_release import LastRelease
from validation.record.recorder import Recorder
from validation.record.runs import open_record
from validation.record.subject import read_subject
from validation.registry.checkpoints import Checkpoint
from validation.registry.durations import Share
from validation.report.across.summaries import earlier
from validation.targets import cleanup


def execute(  # noqa: PLR0913, PLR0917 - each becomes a part of the record
    settings: RunSettings,
    scope: Sequence[Checkpoint],
    waivers: Sequence[Mapping[str, str]],
    listeners: tuple[Listener, ...],
    proofs: Sequence[KnownProof],
    last_release: LastRelease | None = None,
) -> None:
    """Run the scenarios of the checkpoints in scope and record them in the run's folder.

    Args:
        settings: what to run, and where.
        scope: the checkpoints to validate.
        waivers: the waivers given to this run.
        listeners: called with each event as it happens.
        proofs: what is known of the defects that these checkpoints have caught.
        last_release: the run of an earlier release to compare with.

    Raises:
        Interrupted: by a signal, after everything was cleaned up.
        UsageError: there are fewer scenarios than shards.
    """
    ids = [c.id for c in scope]
    share = share_of(PROJECT, settings, ids)
    subject = read_subject(settings.source, PROJECT)
    recorder = open_record(settings, ids, waivers, listeners, proofs, subject)
    if last_release:
        recorder.emit(last_release)
    for verdict in earlier(settings.reports, subject, settings.target):
        recorder.emit(verdict)
    for problem in cleanup.reap()[1]:
        recorder.emit(HarnessFailed(f"Left by an earlier run: {problem}"))
    record_required(recorder, PROJECT, settings, ids, share)
    marks = " or ".join(c.mark for c in scope)
    if settings.processes == 1:
        interrupted = run_scenarios(PROJECT, settings, marks, share, recorder)
    else:
        interrupted = _run_side_by_side(settings, marks, split(PROJECT, settings, ids, share), recorder)
    if interrupted:
        raise Interrupted


def _run_side_by_side(settings: RunSettings, marks: str, parts: Sequence[Share], recorder: Recorder) -> bool:
    """Run the scenarios in several processes, write the last events, and return whether a signal interrupted it."""
    started, interrupted, processors = time.monotonic(), False, ProcessorWatch()
    try:
        run_side_by_side(PROJECT, settings, marks, parts, recorder.emit)
    except KeyboardInterrupt:
        interrupted = True
    recorder.emit(processors.end())
    recorder.emit(SubjectSeen(read_subject(settings.source, PROJECT)))
    recorder.emit(RunFinished(round(time.monotonic() - started, 2)))
    recorder.close()
    return interrupted
