"""Each log line is one JSON object in ASCII, whatever it holds."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from system.logs import Event, configure, logger

STRANGE = ["", "cats", "\x1b]0;x\x07", "a\nb\r", "\x9b31m", "\u202e", "\u2028", "é", "\udcff", "\x00", '"', "\\", "\U0001f408", "\ufeff"]


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def logged(**values: Any) -> str:
        configure("INFO")
        logger().info(Event.CONSUMER_STARTING, **values)
        structlog.reset_defaults()
        return capsys.readouterr().out

    return logged


@pytest.mark.parametrize("value", [*STRANGE, 1, 1.5, True, None, ["a", {"b": "é"}], {"c": ("d",)}])
def test_a_line_is_one_json_object_in_ascii(value: Any, line: Callable[..., str]) -> None:
    printed = line(value=value)
    assert printed.isascii()
    assert printed.count("\n") == 1
    assert not any(ord(one) < ord(" ") for one in printed[:-1])
    entry = json.loads(printed)
    assert (entry["event"], entry["level"], entry["value"]) == ("consumer_starting", "info", json.loads(json.dumps(value)))


@pytest.mark.parametrize("value", [ValueError("é"), object, datetime(2026, 12, 1, tzinfo=UTC), 2**70, float("inf"), b"\xff", {1, 2}])
def test_a_value_that_json_does_not_have_loses_no_line(value: Any, line: Callable[..., str]) -> None:
    entry = json.loads(line(value=value))
    assert entry["event"] == "consumer_starting"
    assert "value" in entry
