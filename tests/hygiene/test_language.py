"""Banned constructions, each with its reason and a better wording. A name in backticks is a contract and may contain anything."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from validation.core.settings import PROJECT

KINDS = {
    ".Dockerfile",
    ".feature",
    ".html",
    ".j2",
    ".js",
    ".md",
    ".py",
    ".toml",
    ".tpl",
    ".txt",
    ".yaml",
    ".yml",
    "Dockerfile",
    "Makefile",
    "tox.ini",
}
"""Suffixes and names of the files that people read."""
SKIPPED = re.compile(r"^(?:reports|build|dist)/|requirements\.txt$|^tests/hygiene/test_language\.py$")
ALLOWED = {
    "validation/registry/claims.py": ("UNPROVEN",),  # the status of a claim, which has no verdict
    "validation/report/claims.py": ("UNPROVEN",),
    "docs/reference/security.md": ("UNPROVEN",),
    "tests/hygiene/test_security.py": ("UNPROVEN",),
    "validation/report/page.html.j2": ("UNPROVEN",),
    "validation/probes/source/generated.py": ("UNPROVEN",),
    "tests/unit/registry/test_claims.py": ("UNPROVEN",),
    "tests/unit/report/test_claims.py": ("UNPROVEN",),
    "system/settings.py": ("votecheck-consumer-beat",),  # the default of HEARTBEAT_FILE, a contract
}
"""By file, texts in which nothing is looked for."""


class Ban(NamedTuple):
    """A construction that a reader stumbles over."""

    pattern: str
    reason: str
    instead: str
    wrong: str
    right: str


BANS = {
    "is none": Ban(
        r"(?<![Tt]here )\b(?:is|are|was|were) none\b(?! else\b)",
        "translated",
        "does not exist; is missing",
        "The URL is none.",
        "None if there are none.",
    ),
    "is no noun": Ban(
        r"(?<![Tt]here )\b(?:is|are|was|were) no (?!go\b|longer\b|more than\b|less than\b)[a-z]",
        "translated",
        "is not a; there is no",
        "A repeat is no vote.",
        "There is no vote that is no longer counted.",
    ),
    "there is none": Ban(
        r"\b[Tt]here (?:is|are|was|were) none of\b", "translated", "there is no; none remain", "There are none of them.", "None remain."
    ),
    "somebody": Ban(r"\b[Ss]omebody\b", "vague", "someone; an external …; the passive", "It is somebody's.", "It is external."),
    "docstring": Ban(
        r'"""(?:Give|Tell|Say|Let)\b', "translated", "Return, Raise, Print, Record, Allow", '"""Give the votes.', '"""Return the votes.'
    ),
    "of ours": Ban(r"\bof ours\b", "translated", "managed; our", "A process of ours ended.", "A managed process ended."),
    "befall": Ban(r"\bbefall", "archaic", "happen to; faults to inject", "What faults befall.", "The process under fault."),
    "on the way": Ban(
        r"\b(?:[Ff]ound|[Gg]athered|[Ss]een|[Ll]ost|[Kk]ept) on the way\b",
        "translated",
        "collected during",
        "Found on the way.",
        "A vote on the way to Redis.",
    ),
    "led to": Ban(r"\bwhat (?:it|that|this) led to\b", "vague", "the result; the effect", "And what it led to.", "It led to a timeout."),
    "judge": Ban(
        r"(?<![a-z])[Jj]udg(?:es?|ed|ing)(?![a-z])",
        "the glossary",
        "harness; validate, evaluate, check",
        "What the judge sees.",
        "A good judgement.",
    ),
    "plant": Ban(r"(?<![a-z])[Pp]lant(?:s|ed|ing)?(?![a-z])", "the glossary", "seed, seeded", "A planted defect.", "Transplanted."),
    "kill matrix": Ban(r"\b[Kk]ill[ -]matrix\b", "the glossary", "detection matrix", "See the kill matrix.", "The matrix kills nothing."),
    "storm": Ban(r"(?<![a-z])[Ss]torms?(?![a-z])", "the glossary", "faults under load", "In a storm.", "A brainstorm."),
    "ballot": Ban(r"[Bb]allot", "the glossary", "sent vote", "All ballots.", "All sent votes."),
    "trouble": Ban(r"[Tt]rouble(?!sh)", "the glossary", "harness error", "In trouble.", "Troubleshoot it."),
    "beat": Ban(r"(?<![a-zA-Z-])[Bb]eats?(?![a-z])", "the glossary", "heartbeat", "The last beat.", "The last heartbeat."),
    "unproven": Ban(r"\bUNPROVEN\b", "reads like NOT PROVEN", "not self-tested", "It is UNPROVEN.", "It is NOT PROVEN."),
    "guests": Ban(r"(?<![a-z])[Gg]uests?(?![a-z])", "the glossary", "other tools", "Guests see less.", "Other tools see less."),
    "guillemets": Ban("«[^»]*»?|»", "not English", '"…" or code', "The step «it is right».", 'The step "it is right".'),
    "borne": Ban(r"\bborne for\b|\basked to end\b", "translated", "tolerated; sent SIGTERM", "It was asked to end.", "It ended."),
}


def text(file: str, written: str) -> str:
    """Return a file's text on one line, names such as `test_a_vote` as words, without comment signs, backticks and what is allowed."""
    for one in ALLOWED.get(file, ()):
        written = written.replace(one, "")
    return re.sub(r"\s+(?:#+ |// )?", " ", re.sub(r"`[^`\n]*`", "``", written).replace("_", " "))


def texts() -> Iterator[tuple[str, str]]:
    """Yield every file that people read, with its text."""
    tops = [top for top in sorted(PROJECT.iterdir()) if not top.name.startswith(".") or top.name in {".github", ".pre-commit-config.yaml"}]
    for file in (file for top in tops for file in ([top] if top.is_file() else sorted(top.rglob("*")))):
        name = str(file.relative_to(PROJECT))
        if file.is_file() and {file.suffix, file.name} & KINDS and not SKIPPED.search(name):
            yield name, text(name, file.read_text(encoding="utf-8"))


TEXTS = dict(texts())


def hits(ban: Ban, read: str) -> list[str]:
    """Return each place of a banned construction with the words around it."""
    return [read[max(0, hit.start() - 50) : hit.end() + 30] for hit in re.finditer(ban.pattern, read)]


@pytest.mark.parametrize("name", BANS)
def test_nothing_that_people_read_has_a_banned_construction(name: str) -> None:
    found = [f"{file}: …{hit}…" for file, read in TEXTS.items() for hit in hits(BANS[name], read)]
    assert not found, "\n".join([f"{BANS[name].reason}; better: {BANS[name].instead}", *found])


@pytest.mark.parametrize("ban", BANS.values(), ids=BANS)
def test_a_ban_finds_its_construction_and_nothing_else(ban: Ban) -> None:
    assert len(hits(ban, text("", ban.wrong))) == 1
    assert not hits(ban, text("", ban.right))


def test_a_construction_is_found_across_lines_and_in_identifiers_but_not_in_backticks() -> None:
    assert hits(BANS["is none"], text("", "# An address that is\n    # none."))
    assert hits(BANS["is no noun"], text("", "def test_a_repeat_is_no_vote() -> None:"))
    assert not hits(BANS["trouble"], text("", "`trouble` became `harness_error`."))


def test_texts_of_every_kind_are_read() -> None:
    assert {Path(name).suffix for name in TEXTS} >= KINDS - {"Dockerfile", "Makefile", "tox.ini"}
    assert {"Makefile", "tox.ini", "loadtests/Dockerfile", ".github/workflows/ci.yml"} <= TEXTS.keys()


@pytest.mark.parametrize(("file", "allowed"), [(file, one) for file, several in ALLOWED.items() for one in several])
def test_an_exception_is_still_needed(file: str, allowed: str) -> None:
    assert allowed in (PROJECT / file).read_text(encoding="utf-8")
