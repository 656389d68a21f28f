"""Every command that votecheck advises is one that it accepts. Advice is collected from the code, so that a new one cannot be forgotten."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import typer

from validation.cli.main import app
from validation.core.settings import PROJECT

ERRORS = {"HarnessError", "UsageError", "TargetUnavailable", "ProbeError"}
VALUE = "{value}"
"""Stands for what the code fills in."""
SAMPLES = {
    "--checkpoint": "5.1",
    "--scenario": "Null is not a vote",
    "--seconds": "60",
    "--fault": "consumer a is killed",
    "votecheck load noise": "baseline",
    "votecheck load": "baseline",
    "votecheck report": "latest",
}
TRY = re.compile(r"(?:Try(?: again)?|Run it|To continue|To draw the same again): +(.+)")
ELSEWHERE = frozenset({"curl", "du", "git", "grep", "helm", "kubectl", "less", "ls", "openssl", "sed", "trivy", "mv", "env"})
"""Programs of others: whether they are there and what they say depends on the machine."""
RUN_HERE = {"votecheck list", "votecheck defects list", "votecheck load --help", "votecheck run --help", "votecheck explain 5.1"}
"""Commands that are also executed: they only read. The others start servers, need a cluster, or take minutes."""
NO_COMMAND = {
    "DATABASE_URL=… python -m system.db.migrate": "the URL is the reader's",
    "TMPDIR=/tmp votecheck run": "a variable before a command that is parsed elsewhere",
    "add it to _BREAKING in schema_rules.py": "an edit",
    "build on the published base image": "an edit",
    "call the probes, which are synchronous": "an edit",
    "helm upgrade, which creates it again": "the release is the reader's",
    "install it": "the program is in the sentence before",
    "omit --api-url": "an option to leave out",
    "omit --release": "an option to leave out",
    "pass each shard once": "a set of folders",
    "run all shards with the same options on the same commit": "on other machines",
    "run as root, or votecheck run --target containers": "two ways",
    "run as root": "a permission",
    "run podman as root": "a permission",
    "try again later": "a wait",
}
"""Advice that is a sentence instead of a command, and why."""
SENTENCES = ("edit ", "install ", "name in ", "report it with ", "save it again: ", "set TMPDIR to ", "below [[waiver]]")


@dataclass(frozen=True)
class Advice:
    """One piece of advice, and where it is."""

    text: str
    file: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def written(node: ast.AST) -> str:
    """Return a text of the code as it would read, with VALUE for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else VALUE for part in parts)
        case ast.Call(func=ast.Name(id="command"), args=words):
            filled = (["--context", "kind-votes"] if isinstance(word, ast.Starred) else [written(word) or VALUE] for word in words)
            return shlex.join(word for some in filled for word in some)
    return ""


def advice() -> Iterator[Advice]:
    """Yield the third part of every error, and what follows "Try:" in any text."""
    for file in sorted(file for folder in ("validation", "features", "loadtests") for file in (PROJECT / folder).rglob("*.py")):
        where = str(file.relative_to(PROJECT))
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ERRORS:
                given = [*node.args[2:3], *(word.value for word in node.keywords if word.arg == "next_command")]
                yield from (Advice(text, where) for text in map(written, given) if text)
            elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in parts:
                yield from (Advice(found[1], where) for found in TRY.finditer(written(node)) if found[1].strip("{}") not in {"value", ""})


ADVICE = sorted({one.text: one for one in advice()}.values(), key=str)


def parsed(words: list[str]) -> None:
    """Parse a command of votecheck as its command line does, without running it."""
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "commands") and words[1:] != ["--help"]:
        context = command.make_context(words[0], words[1:2], parent=context, resilient_parsing=True)
        words = words[1:]
        command = command.commands[words[0]]
    if "--help" not in words:
        command.make_context(words[0], list(words[1:]), parent=context)


def filled(text: str) -> list[str]:
    words = shlex.split(text)
    for at, word in enumerate(words):
        if word == VALUE:
            words[at] = SAMPLES.get(words[at - 1]) or SAMPLES.get(" ".join(words[:at])) or "value"
    return words


@pytest.mark.parametrize("one", ADVICE, ids=str)
def test_each_piece_of_advice_is_a_command_that_is_accepted_or_a_known_sentence(one: Advice) -> None:
    program = one.text.split()[0]
    if program == "votecheck":
        parsed(filled(one.text))
    elif program == "make":
        targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(one.text.split()[1:]) <= set(targets)
    else:
        assert program in ELSEWHERE or one.text in NO_COMMAND or one.text.startswith(SENTENCES), "advice that nothing checks"


def test_the_collection_finds_advice_of_every_kind() -> None:
    texts = [one.text for one in ADVICE]
    assert len(texts) > 60
    assert set(texts) >= RUN_HERE
    assert set(NO_COMMAND) <= {*texts, "try again later"}


@pytest.mark.parametrize("text", ["votecheck run --no-such-option", "votecheck load baselin", "votecheck run --fault-minutes never"])
def test_a_command_that_would_be_refused_is_noticed(text: str) -> None:
    with pytest.raises((Exception, SystemExit)):
        parsed(shlex.split(text))


@pytest.mark.parametrize("text", sorted(RUN_HERE))
def test_advice_that_only_reads_is_executed(text: str) -> None:
    command = [sys.executable, "-m", "validation", *shlex.split(text)[1:]]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
