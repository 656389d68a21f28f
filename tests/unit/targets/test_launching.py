"""A launching target whose API never answers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.targets.test_cleanup import temporary  # noqa: F401 - a fixture
from validation.core.errors import TargetUnavailable
from validation.core.settings import RunSettings
from validation.targets import launching
from validation.targets.base import Api
from validation.targets.local.target import LocalTarget
from validation.targets.process import Child


class Silent(LocalTarget):
    """A target whose API runs but does not listen."""

    starts = 0

    def new_api(self, env: Mapping[str, str]) -> Api:
        self.starts += 1
        child = Child("api", ["sleep", "60"], self.folder, self.folder, env)
        self._children.append(child)
        return Api("http://127.0.0.1:1", child)


def test_an_api_that_failed_to_start_is_not_tried_again(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811, ARG001
    monkeypatch.setattr(launching, "READY_SECONDS", 0.2)
    target = Silent(RunSettings(run="20260101-000000-mute"))
    for _ in range(3):
        with pytest.raises(TargetUnavailable, match="did not answer within"):
            _ = target.api
    assert target.starts == 1
    assert target.close() == []
