"""docs/reference/metrics.md: every metric that the API and the consumer serve, from their registries."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from system.api.metrics import Metrics as ApiMetrics
from system.consumer.metrics import Metrics as ConsumerMetrics
from tests.hygiene.reference_pages import MADE, row

INTRO = """# Metrics

The API serves metrics in the Prometheus format at `/metrics`, the consumer on the port `METRICS_PORT` (0 turns them off).
[Guarantees](../explanation/guarantees.md#monitoring) says what to watch and has alert rules.

"""
API = """
## API

The figures belong to one process. With `API_WORKERS` above 1 a scrape reaches one of the workers:
run one worker per pod and scrape each pod.

"""
CONSUMER = """
## Consumer

Lag, pending entries and age describe the whole group. Every consumer of the group serves the same values:
take the maximum, not the sum.

"""


def page() -> str:
    """Return the page."""
    text = MADE.format("system/api/metrics.py and system/consumer/metrics.py") + INTRO.rstrip("\n") + "\n"
    return text + API + _table(vars(ApiMetrics()).values()) + CONSUMER + _table(vars(ConsumerMetrics()).values())


def _table(attributes: Iterable[object]) -> str:
    text = row("metric", "type", "labels", "meaning") + "|---|---|---|---|\n"
    for metric in (one for one in attributes if isinstance(one, MetricWrapperBase)):
        (family,) = metric.describe()
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        text += row(f"`{_name(family)}`", family.type, labels, family.documentation + ("" if family.documentation.endswith(".") else "."))
    return text


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name
