"""The registry has exactly 32 checkpoints in eight phases; `select` filters by id and phase."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.registry import checkpoints
from validation.registry.checkpoints import BEYOND, COUNTS, REGISTRY, Checkpoint, registry, select

Rewrite = Callable[[str, str], None]


@pytest.fixture
def rewrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rewrite:
    """Return a function that replaces the registry by a changed copy."""
    cached = (checkpoints._read, registry, checkpoints.phases)

    def put(find: str, replace: str) -> None:
        text = REGISTRY.read_text(encoding="utf-8")
        assert text.count(find) == 1
        (tmp_path / "checkpoints.toml").write_text(text.replace(find, replace), encoding="utf-8")
        for function in cached:
            monkeypatch.setattr(checkpoints, function.__name__, function.__wrapped__)
        monkeypatch.setattr(checkpoints, "REGISTRY", tmp_path / "checkpoints.toml")

    return put


def test_the_protocol_has_32_checkpoints_in_eight_phases() -> None:
    assert sum(COUNTS.values()) == sum(c.phase != BEYOND for c in registry().values()) == 32
    assert set(COUNTS) == set(range(1, 9))


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ('[[checkpoint]]\nid = "7.1"', '[[checkpoint]]\nid = "6.5"'),
        ('[[checkpoint]]\nid = "5.2"', '[[checkpoint]]\nid = "5.1"'),
        ('[[checkpoint]]\nid = "B2"', '[[checkpoint]]\nid = "B1"'),
        ('[[checkpoint]]\nid = "B2"', '[[checkpoint]]\nid = "8.5"'),
    ],
    ids=["moved to another phase", "doubled", "doubled beyond the protocol", "one too many"],
)
def test_a_registry_with_another_count_is_refused(rewrite: Rewrite, find: str, replace: str) -> None:
    rewrite(find, replace)
    with pytest.raises(HarnessError, match=r"The registry must list .* each id once"):
        checkpoints.registry()


def test_an_unknown_fidelity_is_rejected(rewrite: Rewrite) -> None:
    rewrite('needs = ["files", "local", "cluster"]', 'needs = ["files", "moon"]')
    with pytest.raises(HarnessError, match=r"needs .*moon"):
        checkpoints.registry()


def ids(*phase: int, wanted: str = "", beyond: bool = True) -> list[str]:
    return [c.id for c in select(phase, wanted.split(","), beyond=beyond)]


def test_no_filter_selects_all_with_or_without_checks_beyond_the_protocol() -> None:
    assert ids() == list(registry())
    assert len(ids(beyond=False)) == 32


def test_a_filter_is_by_phase_by_id_or_by_both() -> None:
    assert ids(7) == ["7.1"]
    assert ids(7, 6) == ["6.1", "6.2", "6.3", "6.4", "7.1"]
    assert ids(wanted=" 5.3, 5.1,b1,") == ["5.1", "5.3", "B1"]
    assert ids(7, wanted="5.1") == ["5.1", "7.1"]


def test_an_unknown_id_is_an_error_with_similar_ids() -> None:
    with pytest.raises(UsageError, match=r"There is no checkpoint 5\.9\. Valid ids: 5\.1, 5\.2, 5\.3, 5\.4, 5\.5\.\n"):
        ids(wanted="5.9")


@pytest.mark.parametrize("phase", [0, 9, -1])
def test_an_unknown_phase_is_an_error(phase: int) -> None:
    with pytest.raises(UsageError, match=f"There is no phase {phase}"):
        ids(phase)


@pytest.mark.parametrize(
    ("inputs", "looks_at"),
    [
        ((), ["system/api/app.py", "system/settings.py", "chart/values.yaml", "README.md"]),
        (("system",), ["system/api/app.py", "system/settings.py"]),
        (("system", "!system/api"), ["system/settings.py"]),
        (("!system", "!chart", "system/settings.py"), ["system/settings.py", "README.md"]),
        (("chart", "docs"), ["chart/values.yaml"]),
    ],
)
def test_the_last_matching_entry_decides_whether_a_file_is_read(inputs: tuple[str, ...], looks_at: list[str]) -> None:
    one = replace(registry()["5.1"], inputs=inputs)
    files = ["system/api/app.py", "system/settings.py", "chart/values.yaml", "README.md"]
    assert [file for file in files if one.reads(PurePosixPath(file))] == looks_at


def test_a_common_prefix_is_not_a_common_folder() -> None:
    one = replace(registry()["5.1"], inputs=("system/api",))
    assert not one.reads(PurePosixPath("system/api_old.py"))


@pytest.mark.parametrize("one", registry().values(), ids=lambda one: one.id)
def test_the_inputs_of_a_checkpoint_exist(one: Checkpoint) -> None:
    assert [entry for entry in one.inputs if not (PROJECT / entry.removeprefix("!")).exists()] == []
