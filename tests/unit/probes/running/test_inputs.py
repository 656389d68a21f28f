"""Whatever sends something to the system notes it, so that no finding lacks its input. A new sender that does not is found here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.core import inputs
from validation.core.settings import PROJECT
from validation.probes.running.http import HttpProbe

FOLDERS = ("validation/probes", "validation/targets", "features")
SENDS = frozenset(
    {
        "xadd", "acl_setuser", "script_flush", "client_pause", "xgroup_destroy", "config_set", "_converse", "validate_schema", "lint",
        "_prepare_part", "send_signal", "sendall",
    }
)  # fmt: skip
"""Calls that give something to the system."""
RELAYS = {
    "watch": "slow clients: noted once, by the step that starts them",
    "_sent": "slow clients: noted once, by the step that starts them",
    "_send": "a client that reads nothing: noted once, by the step that starts it",
    "_accepts": "tries more than a thousand values; the finding lists the accepted ones",
    "linted": "manifests.lint notes it",
    "_prepare_migration": "prepares every system in the same way",
    "_pump": "forwards what others send",
    "_signal": "cleanup after the run",
    "_signal_tree": "called by `kill`, `pause` and `resume`, which note it",
}
"""Functions that send what another function has noted."""


def functions() -> Iterator[tuple[str, str, set[str]]]:
    """Yield file, name and called names of each function."""
    for file in sorted(one for folder in FOLDERS for one in (PROJECT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                called = {getattr(c.func, "attr", getattr(c.func, "id", "")) for c in ast.walk(node) if isinstance(c, ast.Call)}
                yield str(file.relative_to(PROJECT)), node.name, called


def test_every_function_that_sends_notes_the_input() -> None:
    senders = [(file, name, called) for file, name, called in functions() if called & SENDS]
    assert len(senders) > 10
    silent = [f"{file}: {name}" for file, name, called in senders if "note" not in called and name not in RELAYS]
    assert silent == []


@pytest.mark.parametrize("what", ["send", "raw"])
def test_a_request_without_an_answer_is_noted_too(what: str) -> None:
    begun = inputs.begin()
    probe = HttpProbe("http://127.0.0.1:1")
    with pytest.raises(Exception, match="No response"):
        probe.send("GET", "/health", headers={"X-A": "b"}) if what == "send" else probe.raw(b"GET /health HTTP/1.1\r\nX-A: b\r\n\r\n")
    assert "GET /health" in str(begun)
    assert "X-A: b" in str(begun)


def test_the_folders_exist() -> None:
    assert all((Path(PROJECT) / folder).is_dir() for folder in FOLDERS)
