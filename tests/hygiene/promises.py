"""What is documented and therefore needs a claim, read from the code that the documents describe."""

import ast
import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from system.api.events import ApiEvent
from system.api.headers import security_headers
from system.api.metrics import Metrics as ApiMetrics
from system.consumer.metrics import Metrics as ConsumerMetrics
from system.logs import Event
from tests.chart import values_table
from tests.hygiene.reference_pages import cli, http_api, metrics
from validation.core.settings import PROJECT
from validation.probes.source import constants, markdown

GUARANTEES, HTTP_API, CONTRACT = "docs/explanation/guarantees.md", "docs/reference/http-api.md", "docs/reference/contract.md"
PROGRAMS = "docs/reference/programs.md"
PAGES = (GUARANTEES, HTTP_API, CONTRACT)
"""The pages of which every row of a table and every item of a list is a promise."""
HEADER = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)+")
CODE = re.compile(r"`(\w+)`")
LOGGED = frozenset({"debug", "info", "warning", "error"})


def variables() -> list[str]:
    """Return the variables of API and consumer."""
    return list(dict.fromkeys(field.name.upper() for field in constants.fields(constants.tree(PROJECT / "system" / "settings.py"))))


def operations() -> list[str]:
    """Return the operations of the API, such as `GET /ready`."""
    return [f"{method.upper()} {path}" for path, methods in _openapi()["paths"].items() for method in methods]


def statuses() -> list[str]:
    """Return the documented statuses of each operation, such as `GET /ready 503`."""
    every = ((method, path, one) for path, methods in _openapi()["paths"].items() for method, one in methods.items())
    return [f"{method.upper()} {path} {status}" for method, path, one in every for status in one["responses"]]


def requests() -> list[str]:
    """Return the documented parameters and body fields of each operation."""
    found = []
    for path, methods in _openapi()["paths"].items():
        for method, one in methods.items():
            found += [f"{method.upper()} {path} {parameter['name']}" for parameter in one.get("parameters", ())]
            for content in one.get("requestBody", {}).get("content", {}).values():
                found += [f"{method.upper()} {path} {name}" for name in content["schema"]["properties"]]
    return found


def bodies() -> list[str]:
    """Return the fields of the response bodies, such as `Accepted.vote_id`."""
    schemas = _openapi()["components"]["schemas"]
    return [f"{name}.{field}" for name, schema in schemas.items() for field in schema["properties"]]


def headers() -> list[str]:
    """Return the headers that the API sends or that its reference names."""
    sent = {name.title() for name in dict(security_headers(https_only=True).headers)}
    named = {code for code in markdown.inline_code(_text(HTTP_API)) if HEADER.fullmatch(code)}
    return sorted({name.lower() for name in sent | named})


def metric_names() -> list[str]:
    """Return the metrics of API and consumer."""
    every = [*vars(ApiMetrics()).values(), *vars(ConsumerMetrics()).values()]
    return [metrics._name(family) for one in every if isinstance(one, MetricWrapperBase) for family in one.describe()]


def alerts() -> list[str]:
    """Return the documented alerts."""
    (rules,) = markdown.code_blocks(_text(GUARANTEES), "yaml")
    return [rule["alert"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]


def events() -> list[str]:
    """Return the log events of API and consumer."""
    return sorted({*map(str, Event), *map(str, ApiEvent)})


def event_fields() -> list[str]:
    """Return the documented fields of the log events, such as `request.status`; each once, whichever program logs it."""
    rows = [row for row in markdown.table_rows(_text(PROGRAMS)) if CODE.fullmatch(row[0])]
    return sorted({f"{row[0].strip('`')}.{field}" for row in rows for field in CODE.findall(row[2])})


def logged_fields() -> set[str]:
    """Return the fields that the code gives to its log events by name, read without running it."""
    names = {f"{kind}.{one.name}": str(one) for kind, of in (("Event", Event), ("ApiEvent", ApiEvent)) for one in of}
    found = set()
    for file in (PROJECT / "system").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in LOGGED and call.args:
                event = names.get(ast.unparse(call.args[0]))
                found |= {f"{event}.{keyword.arg}" for keyword in call.keywords if event and keyword.arg}
    return found


def values() -> list[str]:
    """Return the values of the chart."""
    return list(values_table.rows())


def exit_codes() -> list[str]:
    """Return the documented exit codes: those of votecheck, and those of the programs of the system."""
    tables = {"votecheck": cli.INTRO, "": _text(PROGRAMS)}
    own = [f"votecheck {row[0]}" for row in markdown.table_rows(tables["votecheck"])]
    return own + [f"{row[0].strip('`').rpartition(' ')[2]} {row[1]}" for row in markdown.table_rows(tables[""]) if row[1][0].isdigit()]


def commands() -> list[str]:
    """Return the commands of votecheck."""
    return cli.names()


def _openapi() -> dict[str, Any]:
    return asyncio.run(http_api._document())


def _text(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


KINDS: dict[str, Callable[[], Iterable[str]]] = {
    "variable": variables,
    "default": variables,
    "operation": operations,
    "status": statuses,
    "request": requests,
    "body": bodies,
    "header": headers,
    "metric": metric_names,
    "alert": alerts,
    "event": events,
    "field": event_fields,
    "value": values,
    "exit code": exit_codes,
    "command": commands,
}
"""What each kind of promise contains."""
