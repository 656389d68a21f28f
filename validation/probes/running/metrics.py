"""Read the metrics of a part, as Prometheus does."""

from validation.probes.running.http import HttpProbe


def samples(part: HttpProbe) -> dict[str, float]:
    """Return the value of each sample that a part serves now, by its name with its labels.

    Raises:
        ProbeError: no response came.
    """
    return parsed(part.send("GET", "/metrics").body.decode())


def parsed(served: str) -> dict[str, float]:
    """Return the value of each sample in the text format of Prometheus, by its name with its labels."""
    lines = (line for line in served.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
