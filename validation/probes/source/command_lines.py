"""Command lines of documents that are checked without running them: does the program, the target, the option and each file exist?"""

import json
import re
import shlex
import subprocess
import sys
from itertools import dropwhile
from pathlib import Path

from validation.core.environment import built
from validation.core.errors import ProbeError

COMMAND_SECONDS = 30
ASSIGNMENT = re.compile(r"[A-Z_]+=")
"""A variable set for one command, as in `CI=1 make test`."""
OTHERS = frozenset({"curl", "docker", "helm", "kind", "kubectl", "locust", "minikube", "openssl", "podman", "trivy", "pre-commit"})
"""Programs of other projects: only the files that they are given are looked up."""
ASK_FOR_HELP = """
import contextlib, io, json, sys
from validation.__main__ import begin
answers = []
for arguments in json.load(sys.stdin):
    sys.argv = ["votecheck", *arguments, "--help"]
    code = 0
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        try:
            begin()
        except SystemExit as ended:
            code = ended.code
    answers.append([code, said.getvalue().strip()])
json.dump(answers, sys.stdout)
"""


def problems(source: Path, lines: list[str]) -> list[str]:
    """Return why each command line of a document could not run; empty if nothing is known against it.

    The commands do not run. Targets of `make` are looked up in the Makefile, the project's own commands parse their arguments with
    `--help` appended, and of other programs' arguments the files of the project are looked up.
    """
    found, own = dict[int, str](), dict[int, list[str]]()
    for number, line in enumerate(lines):
        try:
            program, *arguments = dropwhile(ASSIGNMENT.match, shlex.split(line, comments=True))
        except ValueError as error:
            found[number] = f"not a shell command: {error}"
            continue
        program = program.removeprefix(".venv/bin/")
        if program == "votecheck":
            own[number] = arguments
        else:
            found[number] = _problem(source, program, arguments)
    found |= dict(zip(own, _refusals(source, list(own.values())), strict=True))
    return [found[number] for number in range(len(lines))]


def gone(source: Path, words: list[str]) -> list[str]:
    """Return the words that name a file of the project that does not exist."""
    folders = {folder.name for folder in source.iterdir() if folder.is_dir() and not folder.name.startswith(".")} - {"reports"}
    files = [word.removeprefix("./") for one in words for word in one.split(",")]
    return [file for file in files if file.partition("/")[0] in folders and not list(source.glob(file.rstrip("/")))]


def _problem(source: Path, program: str, arguments: list[str]) -> str:
    if program == "make":
        known = set(re.findall(r"^([a-z-]+):", _makefile(source), re.MULTILINE))
        unknown = [a for a in arguments if "=" not in a and a not in known]
        return f"the Makefile has no target {', '.join(unknown)}" if unknown else ""
    if program == "python" and arguments[:1] == ["-m"]:
        there = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({arguments[1]!r}) is None)"
        code, said = _python(source, there)
        return f"exit {code}: {said}" if code else ""
    if program in OTHERS:
        missing = gone(source, arguments)
        return f"no {', '.join(missing)}" if missing else ""
    return f"cannot check {program}: use make, votecheck, python -m or one of {', '.join(sorted(OTHERS))}"


def _makefile(source: Path) -> str:
    try:
        return (source / "Makefile").read_text(encoding="utf-8")
    except OSError as error:
        raise ProbeError(f"Makefile cannot be read: {error}") from error


def _refusals(source: Path, asked: list[list[str]]) -> list[str]:
    """Return why the source's own `votecheck` refuses each list of arguments; empty if it does not. It starts slowly, so only once."""
    if not asked:
        return []
    code, said = _python(source, ASK_FOR_HELP, json.dumps(asked))
    if code:
        return [f"exit {code}: {said}"] * len(asked)
    return [f"exit {code}: {said[-300:]}" if code else "" for code, said in json.loads(said)]


def _python(source: Path, program: str, given: str = "") -> tuple[int | str, str]:
    """Run a program in the source folder, and return its exit code and its output, or the reason of a failure."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-B", "-c", program], cwd=source, env=built(), input=given, capture_output=True, text=True,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "none", f"no answer within {COMMAND_SECONDS} s"
    if done.returncode:
        return done.returncode, (done.stderr or done.stdout).strip()[-300:]
    return 0, done.stdout
