"""The page about the guests, made from what they said."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tests.other_tools.own_checkpoints import NAME
from tests.other_tools.tool import AS_A_FILE, ORIGINAL, Told
from validation.defects.catalogue import catalogue

HEAD = """<!-- Made by what the guests said; do not edit. Next: python -m tests.other_tools --page docs/results/other-tools.md -->
# Guests' verdicts beside ours

Of the eleven defects that the original project had and found late or never, how many would other tools have seen? Each was planted into a
copy of this project, one at a time, and each guest was asked about it as it comes, with its own default rules.

```sh
make other-tools                                                  # a table, and reports/guests.json
.venv/bin/python -m tests.other_tools --page docs/results/other-tools.md       # the same, and this page
```

"""
MEANING = """
- **sees**: it says something of the planted copy that it does not say of the unchanged one; what that is stands below.
  Ours has the checkpoints that turned red.
- **does not see**: it looked, and said nothing new. That it can was seen before: each guest is first shown a defect of the kind that it
  is made for, and one that says nothing to that is called not had.
- **cannot look**: it does not read what the defect changes.

That a guest does not see a defect is no fault of it: it cannot know what this system has promised, and was not made to run a consumer
beside a database that is down. It sees in any project, on the first day, much that ours never looks for; a project wants both.
"""
OF_D2 = """
Who sees D2 says that the user's number is low, as it says of the consumer's, where it is the right one. None can say that it is not the
image's.
"""
NOT_ASKED = """
## Not asked

kube-score and kube-linter are programs in Go without a Python package, popeye looks at a running cluster, and semgrep fetches its rules
from its vendor. What `make other-tools` needs comes out of Python packages with pinned hashes, checkov and bandit into an environment of
their own below `.tox` (`tests/other_tools/requirements.txt`).
"""


def machine() -> str:
    """The kind of machine, without its name."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"a machine with {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def rows(guests: Sequence[Told]) -> list[list[str]]:
    """The table: a row a defect, a column a guest, and how many each sees at the end."""
    table = [["", *(guest.name for guest in guests)]]
    for identifier in ORIGINAL:
        cells = [_cell(guest, identifier) for guest in guests]
        table.append([f"{identifier} {catalogue()[identifier].title}", *cells])
    return [*table, ["sees, of those it can look at", *(guest.count() for guest in guests)]]


def page(guests: Sequence[Told]) -> str:
    """The whole page."""
    head, *body = rows(guests)
    text = HEAD + f"Seen on {datetime.now(UTC):%Y-%m-%d}, on {machine()}.\n\n"
    text += "\n".join(_line(row) for row in [head, ["---"] * len(head), *body]) + "\n" + MEANING
    text += "\n## What the guests said\n\n" + "".join(_said(guests))
    text += OF_D2 if any(guest.word("D2") == "sees" for guest in guests if guest.name != NAME) else ""
    for identifier, shown in AS_A_FILE.items():
        text += (
            f"\n{identifier} is a setting of a running Redis. Guests that read files were shown it where it would stand in one: {shown}.\n"
        )
    text += "\n## The guests\n\n| guest | version | is for | asked by |\n|---|---|---|---|\n"
    text += "".join(_line([g.name, g.version, g.purpose, f"`{g.command}`{f' ({g.why})' if g.why else ''}"]) + "\n" for g in guests)
    text += (
        "\nRENDERED is a folder with what the chart renders to by its own values; for checkov, with the Dockerfiles beside it: it renders\n"
    )
    text += "charts only where there is a helm program.\n"
    return text + NOT_ASKED


def _said(guests: Iterable[Told]) -> Iterable[str]:
    for guest in guests:
        for verdict in guest.verdicts:
            if guest.name != NAME and verdict.said:
                first, *others = verdict.said
                more = f", and {len(others)} more" if others else ""
                yield f"- **{guest.name}, {verdict.defect}**: `{first}`{more}\n"


def _cell(guest: Told, identifier: str) -> str:
    word = guest.word(identifier)
    checkpoints = next((v.said for v in guest.verdicts if v.defect == identifier), ()) if guest.name == NAME else ()
    return f"**{word}**: {', '.join(checkpoints)}" if checkpoints and word == "sees" else f"**{word}**" if word == "sees" else word


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
