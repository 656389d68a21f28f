"""The commands of every page would run, and the files and counts that pages name are there."""

import re
import shlex
from pathlib import Path

import pytest

from validation.core.settings import PROJECT
from validation.probes.source import documents
from validation.registry.checkpoints import BEYOND, registry

OTHERS = frozenset({"curl", "docker", "helm", "kind", "kubectl", "locust", "minikube", "podman", "trivy"})
"""Programs of other projects: the files that they are given are looked up, and nothing else can be tried here."""
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FOLDERS = {folder.name for folder in PROJECT.iterdir() if folder.is_dir() and not folder.name.startswith(".")} - {"reports"}
CODE = re.compile(rf"`(?:\./)?((?:{'|'.join(sorted(FOLDERS))})/[^`\s<{{]*)`")
WITH_FILES = [page for page in PAGES if page.parent.name not in {"adr", "phases", "results"}]
"""What a decision, a record or a measurement named at its time may be gone."""


def name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def gone(words: list[str]) -> list[str]:
    """Return the words that name a file of the project that does not exist."""
    files = [word.removeprefix("./") for one in words for word in one.split(",")]
    return [file for file in files if file.partition("/")[0] in FOLDERS and not list(PROJECT.glob(file.rstrip("/")))]


def problems(lines: list[str]) -> list[str]:
    """Return what is wrong with command lines: the project's own as checkpoint 8.2 sees it, and the files of all others."""
    words = [shlex.split(line, comments=True) for line in lines]
    other = [word[0].removeprefix(".venv/bin/") in OTHERS for word in words]
    own = [line for line, is_other in zip(lines, other, strict=True) if not is_other]
    told = [f"{line}: {why}" for line, why in zip(own, documents.command_problems(PROJECT, own), strict=True) if why]
    return told + [
        f"{' '.join(word)}: no {file}" for word, is_other in zip(words, other, strict=True) if is_other for file in gone(word[1:])
    ]


def test_each_command_of_each_page_would_run() -> None:
    lines = {page: documents.commands(page.read_text(encoding="utf-8")) for page in PAGES}
    every = sorted({line for found in lines.values() for line in found})
    assert len(every) > 50
    wrong = problems(every)
    assert wrong == [], [name(page) for page, found in lines.items() if any(one.startswith(tuple(found)) for one in wrong if found)]


@pytest.mark.parametrize("line", ["kubectl apply -f loadtests/nothing.yaml", "helm install voting ./charts/voting", "make nothing", "htop"])
def test_a_command_that_would_not_run_is_seen(line: str) -> None:
    assert len(problems([line.replace("./charts", "./chart")])) == 1


@pytest.mark.parametrize("page", WITH_FILES, ids=name)
def test_each_file_that_a_page_names_is_there(page: Path) -> None:
    assert gone(CODE.findall(page.read_text(encoding="utf-8"))) == []


def test_the_readme_counts_the_checkpoints() -> None:
    told = re.search(
        r"runs (\d+) checkpoints\s+of\s+a\s+release\s+protocol\s+and\s+(\d+)\s+more", (PROJECT / "README.md").read_text(encoding="utf-8")
    )
    assert told
    beyond = sum(one.phase == BEYOND for one in registry().values())
    assert [int(number) for number in told.groups()] == [len(registry()) - beyond, beyond]


def test_the_front_page_leads_to_every_guide() -> None:
    front = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [page for folder in ("guides", "tutorial") for page in (PROJECT / "docs" / folder).glob("*.md")]
    assert [name(page) for page in pages if f"]({page.relative_to(PROJECT / 'docs')})" not in front] == []
