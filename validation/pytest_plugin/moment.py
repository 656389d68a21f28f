"""Keeps the moment of a failure: the scenario's requests and responses, stream entries, rows, and log lines.

It backs a finding and never makes or removes one. What cannot be taken is said.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from validation.core import exchanges
from validation.probes.running import newest
from validation.pytest_plugin.items import needs, place_of, tags_of
from validation.pytest_plugin.stash import EXCHANGES, LOG_SIZES, MOMENT, OBSERVE, TARGET, evidence_of, recorder_of
from validation.record.events import Moment
from validation.targets import logs
from validation.targets.launching import LaunchingTarget

RUNNING = {"local", "image"}
REQUESTS, ENTRIES, ROWS, LINES = "requests and responses", "stream entries", "database rows", "log lines"
VOTE_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
STREAM_ID = re.compile(r"\b\d{13}-\d{1,6}\b")


def begin(item: pytest.Item) -> None:
    """Remember the requests of a scenario from now on, and where each log ends."""
    item.stash[EXCHANGES] = exchanges.begin()
    target = item.config.stash.get(TARGET, None)
    item.stash[LOG_SIZES] = logs.sizes(target.folder) if target else {}


def take(item: pytest.Item) -> None:
    """Keep the moment of a scenario, once, and record what was kept."""
    if MOMENT in item.stash or OBSERVE not in item.stash:
        return
    evidence = evidence_of(item.config)
    texts, files, problems = dict[str, str](), dict[str, str](), list[str]()
    for what, read in _parts(item):
        try:
            text = evidence.redact(read())
        except Exception as error:  # noqa: BLE001 - the finding stands, whatever the evidence does
            texts[what] = f"The {what} could not be read: {' '.join(str(error).split()) or type(error).__name__}"
            problems.append(texts[what])
            continue
        if not text:
            continue
        texts[what] = text
        if digest := evidence.keep(text, wrong=True):
            files[what] = digest
        else:
            problems.append(f"The {what} could not be kept.")
    item.stash[MOMENT] = texts
    if files or problems:
        recorder_of(item.config).emit(Moment(item.nodeid, files, problems))


def _parts(item: pytest.Item) -> Iterator[tuple[str, Callable[[], str]]]:
    requests = "\n\n".join([str(one) for one in item.stash[EXCHANGES]])
    if requests:
        yield REQUESTS, lambda: requests
    target = item.config.stash.get(TARGET, None)
    # An installation in a cluster has a snapshot of its own, and a scenario of files has no system.
    if target and place_of(item) == "target" and needs(tags_of(item)) & RUNNING:
        log_sizes = item.stash[LOG_SIZES]
        yield from _of_target(target, log_sizes, requests)


def _of_target(target: LaunchingTarget, log_sizes: Mapping[Path, int], requests: str) -> Iterator[tuple[str, Callable[[], str]]]:
    vote_ids, stream_ids = set(VOTE_ID.findall(requests)), set(STREAM_ID.findall(requests))
    if target.redis.url:
        yield ENTRIES, lambda: newest.stream_entries(target.redis.url, stream_ids, managed=target.redis.child is not None)
    if target.database.url:
        yield ROWS, lambda: newest.rows(target.database.url, vote_ids, managed=target.database.child is not None)
    yield LINES, lambda: logs.since(target.folder, log_sizes)
