"""Workflow files fit their published schemas, and what the examples run is real."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from tests.hygiene.test_commands import problems
from validation.core.settings import PROJECT

GITHUB = PROJECT / ".github"
EXAMPLES = PROJECT / "docs" / "guides" / "ci"
SCHEMAS = {
    GITHUB / "workflows" / "ci.yml": "vendor.github-workflows",
    EXAMPLES / "github-actions.yml": "vendor.github-workflows",
    EXAMPLES / "github-actions-shards.yml": "vendor.github-workflows",
    EXAMPLES / "gitlab-ci.yml": "vendor.gitlab-ci",
    GITHUB / "ISSUE_TEMPLATE" / "bug.yml": "vendor.github-issue-forms",
    GITHUB / "ISSUE_TEMPLATE" / "checkpoint.yml": "vendor.github-issue-forms",
    GITHUB / "ISSUE_TEMPLATE" / "config.yml": "vendor.github-issue-config",
}
PRE_COMMIT = PROJECT / ".pre-commit-config.yaml"


def name(file: Path) -> str:
    return str(file.relative_to(PROJECT))


def breaches(file: Path, schema: str) -> str:
    """Return what a schema that check-jsonschema ships says of a file; empty if nothing."""
    ran = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, str(file)])
    return "" if ran.exit_code == 0 else ran.output


def scripts(value: Any) -> list[str]:
    """Return every shell line of a workflow: `run` at GitHub, `script` at GitLab."""
    if isinstance(value, list):
        return [line for one in value for line in scripts(one)]
    if not isinstance(value, dict):
        return []
    told = [value[key] for key in ("run", "script") if key in value]
    lines = [line for one in told for part in (one if isinstance(one, list) else [one]) for line in str(part).splitlines()]
    return lines + [line for one in value.values() for line in scripts(one)]


def lines_of(file: Path) -> list[str]:
    return scripts(yaml.safe_load(file.read_text(encoding="utf-8")))


def one_job(line: str) -> str:
    """Return a line as it is in the first job of a matrix."""
    return line.replace("${{ matrix.shard }}", "1")


def test_every_workflow_file_has_a_schema() -> None:
    assert {*GITHUB.rglob("*.yml"), *EXAMPLES.glob("*.yml")} == SCHEMAS.keys()


@pytest.mark.parametrize("file", SCHEMAS, ids=name)
def test_a_workflow_file_fits_its_schema(file: Path) -> None:
    assert not breaches(file, SCHEMAS[file])


@pytest.mark.parametrize("file", [file for file, schema in SCHEMAS.items() if schema == "vendor.github-workflows"], ids=name)
def test_every_job_at_github_has_a_time_limit(file: Path) -> None:
    assert not breaches(file, "custom.github-workflows-require-timeout")


def test_a_workflow_that_does_not_fit_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "ci.yml"
    file.write_text("on: push\njobs: { test: { runs-on: ubuntu-latest, step: [] } }\n", encoding="utf-8")
    assert breaches(file, "vendor.github-workflows")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yml")), ids=name)
def test_each_command_of_an_example_would_run(file: Path) -> None:
    lines = [one_job(line) for line in lines_of(file) if not line.startswith("cat ")]
    assert any("votecheck run" in line for line in lines)
    assert problems(lines) == []


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yml")), ids=name)
def test_the_validation_of_an_example_runs_and_writes_each_report_that_it_keeps(file: Path, tmp_path: Path) -> None:
    (line,) = {one_job(line) for line in lines_of(file) if "votecheck run" in line and "--target" not in line}
    narrow = [sys.executable, "-m", "validation", *line.split()[1:], "--checkpoint", "4.2", "--reports", str(tmp_path)]
    ran = subprocess.run(narrow, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    kept = re.findall(r"reports/(latest/\S+)", file.read_text(encoding="utf-8"))
    assert kept
    assert [one for one in kept if not (tmp_path / one).is_file()] == []


def test_the_projects_own_workflow_runs_what_lands() -> None:
    assert lines_of(GITHUB / "workflows" / "ci.yml") == ["bash .ci/run"]


def test_each_hook_runs_a_program_of_the_environment() -> None:
    hooks = [hook for repo in yaml.safe_load(PRE_COMMIT.read_text(encoding="utf-8"))["repos"] for hook in repo["hooks"]]
    ran = subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", str(PRE_COMMIT)], timeout=60, check=False)
    assert ran.returncode == 0
    programs = {hook["entry"].split()[0] for hook in hooks}
    assert programs - {"sh"} <= {f".venv/bin/{name}" for name in ("ruff", "mypy", "codespell", "check-jsonschema")}
