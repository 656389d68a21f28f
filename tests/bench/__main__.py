"""`python -m tests.bench`: measure, print a table, write JSON, compare with an earlier run.

Exit codes: 0 measured, 1 a vote was lost or a response was wrong, 2 wrong usage, 3 it could not be measured, 130 interrupted. Measured
times do not affect the exit code.
"""

import json
import os
import platform
from pathlib import Path
from typing import Annotated, NamedTuple

import redis
import typer
from rich.console import Console
from rich.table import Table

from tests.bench import parts, speed
from tests.bench.fanout import fan_out
from tests.bench.growth import Extent, growth
from tests.bench.parts import Figures, Wrong
from tests.command import run_as_command
from tests.unit.servers import postgres, valkey


class Scale(NamedTuple):
    """Duration and number of votes of the measurements."""

    seconds: float
    rounds: int
    results_seconds: float
    votes: int
    growth: Extent
    streams: int


WHOLE = Scale(
    seconds=4.0,
    rounds=3,
    results_seconds=9.5,
    votes=200_000,
    growth=Extent((10_000, 1_000_000, 3_000_000), votes=50_000, seconds=4.0, rounds=5),
    streams=5_000,
)
QUICK = Scale(
    seconds=0.5, rounds=1, results_seconds=0.5, votes=5_000, growth=Extent((1_000, 10_000), votes=1_000, seconds=0.5, rounds=1), streams=200
)


def measure(scale: Scale) -> Figures:
    """Measure everything on private servers."""
    with valkey() as redis_server, postgres() as database, redis.Redis.from_url(redis_server.url) as client:
        env = {"REDIS_URL": redis_server.url, "DATABASE_URL": database.url}
        parts.migrate(env)
        figures = speed.vote_path(env, client, scale.seconds, scale.rounds) | speed.results(env, scale.results_seconds)
        figures |= speed.consumer(env, client, scale.votes) | speed.vote_to_result(env)
        figures |= fan_out(env, scale.streams)
        return figures | growth(env, client, scale.growth)


def show(figures: Figures, earlier: Figures, console: Console) -> None:
    """Print the figures next to those of an earlier run."""
    table = Table("", "now", *(["earlier", "ratio"] if earlier else []))
    for name, value in figures.items():
        then = earlier.get(name)
        table.add_row(name, f"{value:,.2f}", *([f"{then:,.2f}", f"{value / then:.2f}" if then else ""] if then is not None else []))
    console.print(table)


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Run a short smoke test; its figures are not meaningful.")] = False,
    compare: Annotated[Path | None, typer.Option(help="JSON file of an earlier run to compare with.")] = None,
    output: Annotated[Path, typer.Option("--json", help="File for the figures.")] = Path("reports/bench.json"),
) -> None:
    """Measure the vote path, results, the consumer and the time from vote to result, also with large ledgers."""
    console = Console(stderr=True)
    try:
        earlier = json.loads(compare.read_text(encoding="utf-8"))["figures"] if compare else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.print(f"--compare {compare} cannot be read: {error}. Create a file with: python -m tests.bench --json FILE")
        raise typer.Exit(2) from None
    try:
        figures = measure(QUICK if quick else WHOLE)
    except Wrong as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    show(figures, earlier, console)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_as_command(lambda: typer.run(main))
