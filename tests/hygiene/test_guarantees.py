"""The page about the promise speaks of checkpoints and metrics that exist."""

import re

from prometheus_client import generate_latest

from system.api.metrics import Metrics as ApiMetrics
from system.consumer.metrics import Metrics as ConsumerMetrics
from validation.core.settings import PROJECT
from validation.registry.checkpoints import registry

PAGE = (PROJECT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")


def test_every_checkpoint_on_the_page_exists_and_each_beyond_the_protocol_is_on_it() -> None:
    named = set(re.findall(r"\bB\d+\b", PAGE))
    assert named == {identifier for identifier in registry() if identifier.startswith("B")}


def test_every_metric_on_the_page_is_exported() -> None:
    exported = (generate_latest(ApiMetrics().registry) + generate_latest(ConsumerMetrics()._registry)).decode()
    named = set(re.findall(r"\b(?:votes?|api)_[a-z_]+\b", PAGE)) - {"vote_ledger"}
    assert len(named) > 8
    assert {name for name in named if f" {name.removesuffix('_total')}" not in exported} == set()
