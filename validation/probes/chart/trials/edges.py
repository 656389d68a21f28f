"""Values at the edge of a refusal: the last number with which the chart must render, and the next one, with which it must not."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from validation.core.errors import ProbeError
from validation.probes.chart import values
from validation.probes.chart.manifests import Values
from validation.probes.chart.trials.workable import MEMORY, TMP_MEBIBYTES, conflicts
from validation.probes.chart.values import Key

REPLICAS = (1, 4, 5)
"""A quarter of 4 is whole, and a quarter of 1 and of 5 is rounded up."""
SCALERS = ("none", "KEDA", "autoscaling")
SMALL = {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}


class Rule(NamedTuple):
    """A number that decides a refusal.

    Attributes:
        what: the number, and the values beside it.
        key: the value that holds it.
        text: what the value is for a number.
        numbers: those that are tried; some work and some do not.
        at_least: whether the larger numbers work.
        beside: the other values.
        named: what the refusal must mention.
    """

    what: str
    key: Key
    text: Callable[[int], Any]
    numbers: range
    at_least: bool
    beside: dict[str, Any]
    named: str


class Edge(NamedTuple):
    """The edge of a rule: the number, the values with which the chart must render, those that it must refuse, and what it must mention."""

    what: str
    number: int
    works: Values
    refused: Values
    named: str


def edges(chart_dir: Path) -> Iterator[Edge]:
    """Yield the edge of each rule, as `workable` states the rules.

    Raises:
        ProbeError: helm cannot read the chart, or a rule has no edge among its numbers.
    """
    defaults = values.merged(chart_dir)
    for rule in _rules():

        def works(number: int, rule: Rule = rule) -> bool:
            return not conflicts(_merged(defaults, _with(rule, number)))

        place = bisect_left(rule.numbers, True, key=lambda number: works(number) == rule.at_least)
        last, first = rule.numbers[place - 1], rule.numbers[min(place, len(rule.numbers) - 1)]
        good, bad = (first, last) if rule.at_least else (last, first)
        if not works(good) or works(bad):
            raise ProbeError(f"There is no edge of {rule.what} between {rule.numbers[0]} and {rule.numbers[-1]}.", "the rule has changed")
        yield Edge(rule.what, good, _with(rule, good), _with(rule, bad), rule.named)


def _in(unit: str) -> Callable[[int], str]:
    return lambda number: f"{number}{unit}"


def _rules() -> Iterator[Rule]:
    yield from _connections()
    yield from _clients()
    yield from _resources()
    for unit, part in product(("Mi", "M"), ("redis", "postgres")):
        key: tuple[str, ...] = (part, "storage", "size")
        yield Rule(f"{'.'.join(key)} in {unit}", key, _in(unit), range(1, 9000), True, {}, ".".join(key))
    for limit in ("1Gi", "1G"):
        what, key = f"redis.maxmemory in kb, with a limit of {limit}", ("redis", "maxmemory")
        beside = {"redis": {"resources": {"limits": {"memory": limit}}}}
        yield Rule(what, key, _in("kb"), range(1, 2_000_000), False, beside, "redis.maxmemory")
    scaled = {"api": {"autoscaling": {"enabled": True, "maxReplicas": 7}}}
    yield Rule("minReplicas", ("api", "autoscaling", "minReplicas"), int, range(1, 100), False, scaled, "minReplicas (8)")


def _connections() -> Iterator[Rule]:
    for replicas, scaler in product(REPLICAS, SCALERS):
        what = f"postgres.maxConnections for {replicas} pods of each part, scaler: {scaler}"
        key = ("postgres", "maxConnections")
        yield Rule(what, key, int, range(20, 9000), True, _scaled(scaler, replicas, replicas), "postgres.maxConnections")


def _clients() -> Iterator[Rule]:
    """The API's pods with one of the consumer, and the consumer's with 150 of the API."""
    for part, scaler in (("api", "none"), ("api", "autoscaling"), ("consumer", "none"), ("consumer", "KEDA")):
        own = {"none": ("replicas",), "KEDA": ("keda", "maxReplicas"), "autoscaling": ("autoscaling", "maxReplicas")}[scaler]
        beside = _merged(_scaled(scaler, 150 if part == "consumer" else 1, 1), {"postgres": {"maxConnections": 9000}})
        yield Rule(f"clients of Redis: {part}.{'.'.join(own)}", (part, *own), int, range(2, 1001), False, beside, "may open")


def _resources() -> Iterator[Rule]:
    for part, least in MEMORY.items():
        for name, most in (("memory", least * 4), ("ephemeral-storage", TMP_MEBIBYTES * 4)):
            beside = {part: {"resources": {"requests": SMALL}}} | ({"redis": {"maxmemory": "1mb", "resources": {"requests": SMALL}}}
                                                                  if part == "redis" else {})  # fmt: skip
            key = (part, "resources", "limits", name)
            yield Rule(f"{'.'.join(key)} in Mi", key, _in("Mi"), range(1, most), True, beside, ".".join(key))
    for part, name, unit, limit in (("api", "cpu", "m", "1"), ("consumer", "memory", "Mi", "1Gi"), ("postgres", "memory", "M", "1Gi"),
                                    ("redis", "ephemeral-storage", "Ki", "64Mi")):  # fmt: skip
        key = (part, "resources", "requests", name)
        beside = {part: {"resources": {"limits": {name: limit}}}}
        yield Rule(f"{'.'.join(key)} in {unit}, with a limit of {limit}", key, _in(unit), range(1, 200_000), False,
                   beside, ".".join(key))  # fmt: skip


def _scaled(scaler: str, apis: int, consumers: int) -> dict[str, Any]:
    """Return values with so many pods of each part, whoever scales them."""
    api: dict[str, Any] = {"replicas": apis}
    consumer: dict[str, Any] = {"replicas": consumers}
    if scaler == "autoscaling":
        api = {"replicas": 1, "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": apis}}
    if scaler == "KEDA":
        consumer = {"replicas": 1, "keda": {"enabled": True, "maxReplicas": consumers}}
    return {"api": api, "consumer": consumer}


def _with(rule: Rule, number: int) -> dict[str, Any]:
    nested: Any = rule.text(number)
    for name in reversed(rule.key):
        nested = {name: nested}
    return _merged(rule.beside, nested)


def _merged(below: Values, above: Values) -> dict[str, Any]:
    both = {name: _merged(below[name], above[name]) for name in below.keys() & above.keys()
            if isinstance(below[name], dict) and isinstance(above[name], dict)}  # fmt: skip
    return {**below, **above, **both}
