"""A run counts what happened, keeps the shortest counter-example, and never turns a failure of the harness into a finding."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from validation.core.errors import TargetUnavailable
from validation.model import machine, run, steps
from validation.model.comparing import Differs


class Parts:
    """Stands for the real parts: what steps do to them is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.all, self.restored = folder, (), 0

    def wait_until_ready(self, *_: object) -> None:
        pass

    def restore(self) -> None:
        self.restored += 1


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    def example(*_: object) -> Any:
        closed = SimpleNamespace(close=lambda: None)
        return SimpleNamespace(watching=SimpleNamespace(check=lambda: None, watch=closed), confirm=lambda: None, done=[])

    monkeypatch.setattr(machine, "Example", example)
    return Parts(tmp_path)


def let_happen(monkeypatch: pytest.MonkeyPatch, what: Callable[[Any, steps.Step], None]) -> None:
    for kind in {type(step) for step in ALL}:
        monkeypatch.setattr(kind, "run", lambda self, example: what(example, self))


ALL = (
    steps.Votes(0, ()), steps.Producer(()), steps.Reader(1, 1), steps.Results(0), steps.Clock(1.0, 0.0, 1.0, "c1"), steps.Follow(0, ()),
    steps.Reconnect(0, "cats"), steps.Settle(),
    machine.failures.RestartConsumer(0, killed=True), machine.failures.RestartApi(0, killed=True, choices=()),
    machine.failures.DatabaseAway("APIs", ()),
)  # fmt: skip


def ran(parts: Parts, seed: int = 24, examples: int = 1, within: float = 30.0) -> run.Outcome:
    return run.run(parts, seed, examples=examples, within=within)  # type: ignore[arg-type] # all that it needs


def test_each_example_lets_every_kind_happen(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    let_happen(monkeypatch, lambda *_: None)
    outcome = ran(parts, examples=3)
    assert outcome.examples == 3
    assert {kind: count >= 3 for kind, count in outcome.steps.items()} == dict.fromkeys(run.KINDS, True)
    assert outcome.found is None


def test_the_same_seed_draws_the_same_steps(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    let_happen(monkeypatch, lambda _, step: happened.append(str(step)))
    texts = []
    for seed in (24, 24, 25):
        happened.clear()
        ran(parts, seed)
        texts.append([*happened])
    assert texts[0] == texts[1] != texts[2]


def test_the_counter_example_is_shortened(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(example: Any, step: steps.Step) -> None:
        example.done.append(step.kind)
        if {steps.Clock.kind, steps.Producer.kind} <= set(example.done):
            raise Differs("an answer", "right", "wrong")

    let_happen(monkeypatch, fail)
    outcome = ran(parts)
    assert outcome.found is not None
    assert len(outcome.found.steps) == 2
    assert outcome.found.differs.observed == "wrong"
    assert parts.restored > 1


def test_a_finding_that_does_not_come_again_is_kept(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [Differs("an answer", "right", "wrong")]

    def fail_once(_: Any, step: steps.Step) -> None:
        if step.kind == steps.Clock.kind and failures:
            raise failures.pop()

    let_happen(monkeypatch, fail_once)
    outcome = ran(parts)
    assert outcome.found is not None
    assert outcome.found.differs.subject == "an answer"


def test_a_failure_of_the_harness_is_not_a_finding(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> None:
        raise TargetUnavailable("API A is not ready")

    let_happen(monkeypatch, unavailable)
    with pytest.raises(TargetUnavailable):
        ran(parts)


def test_without_time_nothing_happens_and_nothing_is_claimed(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    let_happen(monkeypatch, lambda *_: None)
    outcome = ran(parts, within=0.0)
    assert (outcome.examples, sum(outcome.steps.values()), outcome.compared) == (0, 0, {})
