"""A signed pack and its keys."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.pack.packs import made, new_key
from tests.unit.report.conftest import Record, new_record, record  # noqa: F401 - fixtures
from validation.pack import verification
from validation.record.subject import Subject


class Signed(NamedTuple):
    """A pack with the files of its keys."""

    pack: Path
    private: Path
    public: Path


@pytest.fixture
def same_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The votecheck that verifies is in the state that made the pack."""
    monkeypatch.setattr(verification, "read_subject", lambda *_: Subject())


@pytest.fixture
def signed_pack(new_record: Callable[[str], Record], tmp_path: Path, same_state: None) -> Signed:  # noqa: F811, ARG001 - a fixture
    """The pack of a NO-GO."""
    private, public = new_key(tmp_path)
    return Signed(made(new_record("20261123-093000-aaaa"), tmp_path / "packs" / "one.pack", private), private, public)
