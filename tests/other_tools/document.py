"""The page about the other tools, generated from their results."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tests.other_tools.own_checkpoints import NAME
from tests.other_tools.tool import AS_A_FILE, ORIGINAL, Outcome, Report
from validation.defects.catalogue import catalogue

HEAD = """<!-- Generated from a run of the tools; do not edit. To update: python -m tests.other_tools --page docs/results/other-tools.md -->
# Other tools

How many of the eleven defects that the original project had, and found late or never, would other tools have reported? Each defect was
seeded into a copy of this project, one at a time. Each tool then ran with its default rules.

```sh
make other-tools                                                       # a table, and reports/other-tools.json
.venv/bin/python -m tests.other_tools --page docs/results/other-tools.md  # the same, and this page
```

"""
MEANING = """
- **reports it**: it has a remark about the changed copy that it does not have about the unchanged one; the remarks are below.
  For votecheck the checkpoints that failed are listed.
- **does not report it**: it ran and had no new remark. It can report something: each tool first runs against a defect of the kind that it
  is made for, and a tool that does not report that one counts as not available.
- **cannot check**: it does not read what the defect changes.

A tool that does not report a defect is not at fault: it cannot know what this system promises, and was not made to run a consumer
while a database is down. In any project it reports, on the first day, much that votecheck never checks. A project needs both.
"""
OF_D2 = """
The tools that report D2 object to the low user id. They report the consumer's user id as well, which is the right one.
None can tell that the id differs from the image's.
"""
NOT_INCLUDED = """
## Not included

kube-score and kube-linter are Go programs without a Python package, popeye checks a running cluster, and semgrep downloads its rules
from its vendor. Everything that `make other-tools` needs comes from Python packages with pinned hashes. checkov and bandit get a
separate environment below `.tox` (`tests/other_tools/requirements.txt`).
"""


def machine() -> str:
    """Return the kind of machine, without its name."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def rows(reports: Sequence[Report]) -> list[list[str]]:
    """Return the table: one row per defect, one column per tool, and the totals in the last row."""
    table = [["", *(report.name for report in reports)]]
    for identifier in ORIGINAL:
        cells = [_cell(report, identifier) for report in reports]
        table.append([f"{identifier} {catalogue()[identifier].title}", *cells])
    return [*table, ["reported, of those it can check", *(report.count() for report in reports)]]


def page(reports: Sequence[Report]) -> str:
    """Return the whole page."""
    head, *body = rows(reports)
    text = HEAD + _headline(reports) + f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}.\n\n"
    text += "\n".join(_line(row) for row in [head, ["---"] * len(head), *body]) + "\n" + MEANING
    text += "\n## Remarks\n\n" + "".join(_remarks(reports))
    text += OF_D2 if any(report.outcome("D2") == Outcome.REPORTED for report in reports if report.name != NAME) else ""
    for identifier, seeded in AS_A_FILE.items():
        text += f"\n{identifier} is a setting of a running Redis. Tools that read files got the same setting in the chart: {seeded}.\n"
    text += "\n## Tools\n\n| tool | version | purpose | command |\n|---|---|---|---|\n"
    text += "".join(_line([g.name, g.version, g.purpose, f"`{g.command}`{f' ({g.why})' if g.why else ''}"]) + "\n" for g in reports)
    text += "\nRENDERED is a directory with the chart rendered with its default values. checkov also gets the Dockerfiles there:\n"
    text += "it renders charts only if a helm program is installed.\n"
    return text + NOT_INCLUDED


def _headline(reports: Sequence[Report]) -> str:
    counts = {report.name: sum(one.outcome is Outcome.REPORTED for one in report.results) for report in reports if not report.why}
    others = {name: count for name, count in counts.items() if name != NAME}
    if NAME not in counts or not others:
        return ""
    best = " and ".join(name for name, count in others.items() if count == max(others.values()))
    return f"votecheck reports {counts[NAME]} of the {len(ORIGINAL)}; of the other tools, {best} report most: {max(others.values())}.\n\n"


def _remarks(reports: Iterable[Report]) -> Iterable[str]:
    for report in reports:
        for result in report.results:
            if report.name != NAME and result.remarks:
                first, *others = result.remarks
                more = f", and {len(others)} more" if others else ""
                yield f"- **{report.name}, {result.defect}**: `{first}`{more}\n"


def _cell(report: Report, identifier: str) -> str:
    outcome = report.outcome(identifier)
    if outcome != Outcome.REPORTED:
        return outcome
    checkpoints = next((one.remarks for one in report.results if one.defect == identifier), ()) if report.name == NAME else ()
    return f"**{outcome}**: {', '.join(checkpoints)}" if checkpoints else f"**{outcome}**"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
