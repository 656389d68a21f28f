"""How a command ends that has a run: the summary, what GitHub shows of it, `--json`, and the exit code."""

from pathlib import Path
from typing import NoReturn

import typer

from validation.cli import github
from validation.cli.console import print_data, print_message, print_path_hint, stderr
from validation.record.verdicts import ACCEPTED, Run


def end_with(run: Run, folder: Path, *, accept_incomplete: bool, json: bool) -> NoReturn:
    """Print a run whose reports are written, and exit with its code."""
    from validation.report import markdown  # noqa: PLC0415 - `--help` needs no report
    from validation.report.formats import annotations  # noqa: PLC0415 - likewise
    from validation.report.results_json import RESULTS  # noqa: PLC0415 - likewise
    from validation.report.terminal import summary  # noqa: PLC0415 - likewise

    summary(run, stderr, folder)
    github.publish(lambda most: markdown.render(run, most), annotations.of_run(run, github.prefix(run.started)))
    print_path_hint()
    if json:
        print_data((folder / RESULTS).read_text(encoding="utf-8").rstrip())
    accepted = accept_incomplete and run.verdict in ACCEPTED and not run.harness_failed
    if accepted:
        print_message("Exit code 0 because of --accept-incomplete. This release is not cleared.")
    raise typer.Exit(0 if accepted else run.exit_code)
