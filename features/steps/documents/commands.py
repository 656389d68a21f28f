"""Steps that run the commands of the documents."""

import shlex
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from pytest_bdd import parsers, then, when

from features.support.document_sessions import Ended, session
from features.support.parts import record_vote, vote_id
from validation.core.errors import NotProven
from validation.core.settings import PROJECT, RunSettings
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer
from validation.probes.source import command_lines, commands, documents, scenarios
from validation.probes.source.commands import Page
from validation.record.observe import Observe
from validation.targets.cleanup import MARK
from validation.targets.launching import LaunchingTarget
from validation.targets.ports import free_port

CREATED = 201


@dataclass(frozen=True, slots=True)
class Followed:
    """A page whose commands were run.

    Attributes:
        page: the page.
        places: where its commands ran.
        ended: how each of them ended.
    """

    page: Page
    places: tuple[str, ...]
    ended: tuple[Ended, ...]


@when("the commands of every page are read", target_fixture="written")
def read_commands(settings: RunSettings) -> list[Page]:
    return commands.pages(settings.source)


@then("the project knows each of them")
def each_is_known(written: list[Page], settings: RunSettings, observe: Observe) -> None:
    lines = [(page.name, line) for page in written for line in _lines(page, settings)]
    observe("commands of the documents", expected="at least 100", observed=len(lines), holds=len(lines) >= 100)  # noqa: PLR2004
    unique = sorted({line for _, line in lines})
    problems = dict(zip(unique, command_lines.problems(settings.source, unique), strict=True))
    with observe.together():
        for page, line in lines:
            problem = problems[line]
            observe(f"`{line}` of {page}", expected="it is accepted", observed=problem or "it is accepted",
                    remedy="correct the document or the command", file=page)  # fmt: skip


@then("each runs at some level, or the table of commands says why not and what shows the same")
def each_has_a_place(written: list[Page], observe: Observe) -> None:
    steps = [step for page in written for step in page.steps if not step.removed]
    used = {step.row for step in steps}
    where = Counter(step.row.where for step in steps)
    unrun = "\n".join(f"{s.page}: {s.line}: {s.row.because}; see {s.row.by}" for s in steps if s.row.where in {"nowhere", "tests"})
    with observe.together():
        observe("commands by where they run", expected="some here", observed=dict(where), holds=where["local"] > 0, evidence=unrun)
        observe("rows of validation/registry/commands.toml for no command", expected=[],
                observed=[row.command for row in commands.rows() if row not in used], remedy="remove them")  # fmt: skip


@then(parsers.parse('the pages whose commands run here are the examples of "{outline}"'))
def pages_are_the_examples(written: list[Page], outline: str, observe: Observe) -> None:
    examples = [row[0] for one in scenarios.read(PROJECT) if one.name == outline for row in one.examples]
    here = [page.name for page in written if "local" in page.places()]
    observe("pages in the examples", expected=sorted(here), observed=sorted(examples), remedy=f'list them at "{outline}"')


@when(parsers.re(r"the commands of (?P<document>\S+\.md) run in a copy of the project, in order"), target_fixture="followed")
def run_commands(document: str, settings: RunSettings, target: LaunchingTarget, sent_votes: SentVotes) -> Followed:
    page = commands.page(settings.source, document)
    if any("-m system." in step.line for step in page.steps):
        for server in (target.redis, target.database):
            server.require_managed()  # a consumer of the page would count votes of an external installation
    env = {"REDIS_URL": target.redis.url, "DATABASE_URL": target.database.url, "API_URL": target.api.url, "API_PORT": str(free_port())}
    return _follow(page, ("local",), settings, env, {r"http://127\.0\.0\.1:8000": target.api.url}, sent_votes)


@when(parsers.re(r"the commands of (?P<document>\S+\.md) for containers run in a copy of the project"), target_fixture="followed")
def run_commands_for_containers(document: str, settings: RunSettings, sent_votes: SentVotes) -> Followed:
    return _follow(commands.page(settings.source, document), ("containers",), settings, {}, {}, sent_votes)


@when(parsers.re(r"the commands of (?P<document>\S+\.md) for a cluster run on the installation of this run"), target_fixture="followed")
def run_commands_for_cluster(document: str, settings: RunSettings, request: pytest.FixtureRequest, sent_votes: SentVotes) -> Followed:
    release = request.getfixturevalue("installed").release  # a fixture that only a run against a cluster has
    context = f" --context {shlex.quote(settings.context)}" if settings.context else ""
    env = {"KUBECONFIG": settings.kubeconfig} if settings.kubeconfig else {}
    names = {"--release voting": f"--release {release.name} --release-namespace {release.namespace}{context}"}
    return _follow(commands.page(settings.source, document), ("cluster",), settings, env, names, sent_votes)


@then("each ends as the page says")
def each_ends_as_written(followed: Followed, observe: Observe) -> None:
    with observe.together():
        ran = len(followed.ended)
        observe(f"commands of {followed.page.name} that ran", expected="at least one", observed=ran, holds=ran > 0)
        for one in followed.ended:
            _observe_end(one, observe)


def _observe_end(one: Ended, observe: Observe) -> None:
    row = one.step.row
    what = f"`{one.step.line}`" if one.ran == one.step.line else f"`{one.ran}`, for `{one.step.line}`"
    evidence = f"{row.because}\n{one.tail}".strip()
    if one.served:
        alive = "running" if one.code is None else "it ends"
        ended = alive if one.early is None else f"it had ended before with exit code {one.early}"
        observe(f"end of {what} after Ctrl-C", expected="it ends", observed=ended, evidence=evidence)
        observe(f"output of {what}", expected=row.until, observed=one.tail, holds=row.until in one.output)
        return
    exits = (0,) if one.ran in row.before else row.exit
    observe(f"exit code of {what}", expected=" or ".join(map(str, exits)), observed=one.code, holds=one.code in exits, evidence=evidence,
            remedy="correct the document, the command, or its row in validation/registry/commands.toml")  # fmt: skip
    if one.ran in row.before:
        return
    if row.shows:
        observe(f"output of {what}", expected=row.shows, observed=one.tail, holds=row.shows in one.output)
    if one.step.output and row.instead == "{command}":
        observe(f"output of {what}, as the page shows it", expected=one.step.output, observed=one.tail,
                holds=commands.shows(one.step.output, one.output))  # fmt: skip


def _follow(
    page: Page, places: tuple[str, ...], settings: RunSettings, env: Mapping[str, str], names: Mapping[str, str], sent_votes: SentVotes
) -> Followed:
    missing = [program for program in sorted(_programs(page, places)) if not shutil.which(program)]
    if missing:
        raise NotProven(f"{', '.join(missing)} is not installed, so the commands of {page.name} cannot run. Try: install it")
    with session(settings.source, {MARK: settings.run} | dict(env), names) as here:
        ended = tuple(here.follow(page, places))
    for one in ended:
        if one.step.line.startswith("curl"):
            _record(one, sent_votes)
    return Followed(page, places, ended)


def _record(one: Ended, sent_votes: SentVotes) -> None:
    """Record a vote that a command of a page cast, like any other vote of the run."""
    answer = Answer(CREATED, {}, one.output[one.output.find("{") :].encode(), one.seconds)
    if vote_id(answer):
        record_vote(sent_votes, vote_id(answer), str(answer.json()["option"]), answer)


def _programs(page: Page, places: tuple[str, ...]) -> set[str]:
    words = (shlex.split(step.runs) for step in page.steps if step.row.where in places and not step.removed)
    return {word for line in words for word in line[:1] if "/" not in word and "=" not in word}


def _lines(page: Page, settings: RunSettings) -> Iterator[str]:
    yield from (step.line for step in page.steps if not step.removed)
    yield from commands.inline(documents.text(settings.source, page.name))
