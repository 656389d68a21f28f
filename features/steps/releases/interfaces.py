"""Steps that compare what a source offers to others with what the last release offered."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml
from pytest_bdd import given, parsers, then, when

from features.support.own_system import OwnSystem
from validation.core import protocol
from validation.core.errors import NotProven
from validation.core.settings import PROJECT, RunSettings
from validation.core.waiting import eventually
from validation.probes.running.keyspace import FOR_EVER, Keyspace
from validation.probes.source import interfaces
from validation.record.observe import Observe
from validation.registry.releases import Release, breaks, file_of, may_break, offered, releases
from validation.report.across import openapi

IN_FILES: dict[str, Callable[[Path], dict[str, str]]] = {
    "variables": interfaces.variables,
    "log events": interfaces.log_events,
    "exit codes": interfaces.exit_codes,
    "chart values": interfaces.chart_values,
    "fields of results.json": lambda _: interfaces.results_fields(PROJECT),
}
VOTES = 3
ARCHIVE = "archive"
COUNTED_SECONDS = 20.0
LASTS_MS = 60_000
"""A key with less than this left, such as that of a readiness check, may be gone at the next look."""
EACH_TIME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(\.\d+){3}|[0-9a-f]{32}")
"""Parts of keys that differ each time: ids of votes, and addresses or what stands for them."""
COLUMNS = """select format('table %s, column %s', table_name, column_name) as item,
  data_type || case is_nullable when 'NO' then ', not null' else '' end as said
  from information_schema.columns where table_schema = 'public' and table_name in ('votes', 'vote_ledger')"""
FUNCTIONS = """select format('function %s(%s)', proname, pg_get_function_identity_arguments(pg_proc.oid)) as item,
  pg_get_function_result(pg_proc.oid) as said from pg_proc where pronamespace = 'public'::regnamespace"""


@dataclass(frozen=True, slots=True)
class Offer:
    """What this source offers at one interface: by item, with what is said of it."""

    interface: str
    items: dict[str, str]


@given("the last release", target_fixture="last")
def last_release() -> Release:
    return releases()[-1]


@when(parsers.re(f"the (?P<interface>{'|'.join(IN_FILES)}) of this source are read"), target_fixture="offers")
def read_files(interface: str, settings: RunSettings) -> list[Offer]:
    return [Offer(interface, IN_FILES[interface](settings.source))]


@when("the system has counted votes and set a malformed entry apart", target_fixture="offers")
def read_system(own_parts: OwnSystem) -> list[Offer]:
    own_parts.keys.put("XGROUP", "CREATE", protocol.STREAM, ARCHIVE, "0", "MKSTREAM")  # as long as it has not read, entries stay
    for number in range(VOTES):
        own_parts.vote("cats", f"key-{number}")
    own_parts.stream.add(protocol.STREAM, {"option": "cats", "request_id": "7"})
    drained = own_parts.stream.wait_until_drained(within=COUNTED_SECONDS)
    counted = eventually(own_parts.shown, lambda shown: shown == own_parts.counts, within=COUNTED_SECONDS)
    if not (drained.held and counted.held):
        raise NotProven(f"The system does not count: it shows {counted.value}, not {own_parts.counts}.")
    pages = {"API": own_parts.http, "consumer": own_parts.metrics}
    served = {part: page.send("GET", "/metrics").body.decode() for part, page in pages.items()}
    described = interfaces.http(openapi.parts(own_parts.http.send("GET", "/openapi.json").body))
    tables = {row["item"]: row["said"] for question in (COLUMNS, FUNCTIONS) for row in own_parts.store.rows(question)}
    return [
        Offer("HTTP API", described),
        Offer("metrics", interfaces.metrics(served)),
        Offer("names in Redis", dict(_names(own_parts))),
        Offer("tables and functions", tables),
    ]


@then("nothing is gone, changed or newly required that the last release offered there")
def nothing_breaks(last: Release, offers: list[Offer], settings: RunSettings, observe: Observe) -> None:
    version = str(yaml.safe_load((settings.source / "chart" / "Chart.yaml").read_text(encoding="utf-8"))["version"])
    settings.folder.mkdir(parents=True, exist_ok=True)
    with observe.together():
        for offer in offers:
            written = json.dumps(offer.items, indent=1, sort_keys=True, ensure_ascii=False)
            (settings.folder / file_of(offer.interface)).write_text(f"{written}\n", encoding="utf-8")  # the next release copies it
            before = offered(last.version, offer.interface)
            broken = breaks(before, offer.items)
            observe(
                f"{offer.interface} of {last.version}", expected="at least one item", observed=f"{len(before)} items", holds=bool(before)
            )
            observe(
                f"{offer.interface}: what breaks those who rely on {last.version}",
                expected=[],
                observed=broken,
                holds=not broken or may_break(last, version, before, offer.items),
                evidence=written,
                remedy=f"keep it beside the new one, or release {last.major + 1}.0.0",
            )


def _names(system: OwnSystem) -> Iterator[tuple[str, str]]:
    """Yield the names of keys and groups, and the fields that every entry of the API and every dead letter has."""
    with closing(Keyspace(system.stream.url)) as keyspace:
        for key, left in keyspace.lives().items():
            if key.startswith(protocol.STREAM) and (left == FOR_EVER or left > LASTS_MS):
                yield f"key {EACH_TIME.sub('*', key)}", "stays" if left == FOR_EVER else "expires"
    story = system.stream.whole_story(protocol.STREAM)
    yield from ((f"group {group['name']} of {protocol.STREAM}", "") for group in story["groups"] if group["name"] != ARCHIVE)
    entries = [system.stream.entry(protocol.STREAM, identifier) or {} for identifier in system.added[:VOTES]]
    letters = [fields for _, fields in system.stream.entries_after(f"{protocol.STREAM}{protocol.DEAD_SUFFIX}")]
    for what, all_fields in (("an entry", entries), ("a dead letter", letters)):
        yield from ((f"field {name} of {what}", "always") for name in set.intersection(*map(set, all_fields)))
