"""The metrics of a part, as Prometheus reads them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from validation.core.errors import ProbeError
from validation.model.comparing import Differs
from validation.model.parts import Part
from validation.probes.running.metrics import parsed

OK = 200
LABEL = re.compile(r'(\w+)="([^"]*)"')
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Metrics:
    """The values of one scrape, by name and labels."""

    values: Mapping[Series, float]

    @classmethod
    def of(cls, part: Part) -> "Metrics":
        """Scrape a part.

        Raises:
            Differs: it does not serve its metrics.
        """
        try:
            answer = part.probe.send("GET", "/metrics")
        except ProbeError as error:
            raise Differs(f"metrics of {part.name}", "served", str(error)) from None
        if answer.status != OK:
            raise Differs(f"status of the metrics of {part.name}", str(OK), str(answer))
        found = parsed(answer.body.decode()).items()
        return cls({(name.partition("{")[0], tuple(LABEL.findall(name))): value for name, value in found})

    def since(self, earlier: "Metrics | None") -> "Metrics":
        """Return by how much each value has grown."""
        before = earlier.values if earlier else {}
        return Metrics({series: value - before.get(series, 0.0) for series, value in self.values.items()})

    def by(self, name: str, *labels: str) -> dict[str, float]:
        """Return the values of a metric by the values of some labels."""
        found = Counter[str]()
        for (metric, pairs), value in self.values.items():
            if metric == name:
                found[" ".join(dict(pairs)[label] for label in labels)] += value  # type: ignore[assignment] # a Counter of floats
        return dict(found)

    def total(self, name: str) -> float:
        """Return the sum of a metric over all its labels."""
        return sum(value for (metric, _), value in self.values.items() if metric == name)


def lines(parts: Iterable[Part], event: str) -> int:
    """Return how many lines of an event the logs of parts have, each since it last started."""
    return sum(part.child.event_names().count(event) for part in parts)
