"""The option types that several commands share, and the panels that group options in `--help`."""

from pathlib import Path
from typing import Annotated

import typer

SCOPE, TARGET, SERVERS, CLUSTER, FAULTS, LOAD, OUTPUT = "Scope", "Target", "External servers", "Cluster", "Faults", "Load", "Output"
"""The panels."""
FLAG = ""
"""The metavar of an option without a value; by default typer would show <bool>."""

Phase = Annotated[
    list[int] | None, typer.Option("--phase", metavar="NUMBER", help="Only this phase, 1 to 8. Repeatable.", rich_help_panel=SCOPE)
]
CheckpointIds = Annotated[
    str, typer.Option("--checkpoint", metavar="ID,...", help="Only these checkpoints, for example 5.1,B3.", rich_help_panel=SCOPE)
]
ProtocolOnly = Annotated[
    bool,
    typer.Option("--protocol-only", metavar=FLAG, help="Only the 32 checkpoints of the protocol, none beyond it.", rich_help_panel=SCOPE),
]
ShardOption = Annotated[
    str,
    typer.Option(
        "--shard",
        metavar="NUMBER/OF",
        help="Only one of several parts of the work, for example 2/4: the same options give the same parts on every machine.",
        rich_help_panel=SCOPE,
    ),
]

TargetName = Annotated[
    str,
    typer.Option(
        "--target", metavar="NAME", help="Where the system under test runs: local, containers or cluster.", rich_help_panel=TARGET
    ),
]
Source = Annotated[
    Path,
    typer.Option(
        "--source",
        metavar="FOLDER",
        help="Folder with the system/, chart/ and documents to use.",
        show_default="the project's directory",
        rich_help_panel=TARGET,
    ),
]

ApiUrl = Annotated[
    str,
    typer.Option("--api-url", metavar="URL", help="An existing API. votecheck votes on it and never stops it.", rich_help_panel=SERVERS),
]
RedisUrl = Annotated[str, typer.Option("--redis-url", metavar="URL", help="Its Redis, to observe the stream.", rich_help_panel=SERVERS)]
DatabaseUrl = Annotated[
    str, typer.Option("--database-url", metavar="URL", help="Its PostgreSQL, to observe the stored votes.", rich_help_panel=SERVERS)
]

Kubeconfig = Annotated[
    str, typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig file (default: that of kubectl).", rich_help_panel=CLUSTER)
]
Context = Annotated[
    str, typer.Option("--context", metavar="NAME", help="Kubeconfig context (default: the current one).", rich_help_panel=CLUSTER)
]
LoadCommand = Annotated[
    str,
    typer.Option(
        "--load-command",
        metavar="COMMAND",
        help="Command that loads the given images onto the nodes, for example k3d image import. minikube and kind need none.",
        rich_help_panel=CLUSTER,
    ),
]

AcceptIncomplete = Annotated[
    bool,
    typer.Option(
        "--accept-incomplete",
        metavar=FLAG,
        help="Exit with 0 although the run is INCOMPLETE or PARTIAL. The verdict stays, and clears no release.",
        rich_help_panel=OUTPUT,
    ),
]
Reports = Annotated[Path, typer.Option("--reports", metavar="FOLDER", help="Folder for records and reports.", rich_help_panel=OUTPUT)]

Json = Annotated[
    bool, typer.Option("--json", metavar=FLAG, help="Print one JSON document on stdout, and nothing else there.", rich_help_panel=OUTPUT)
]
"""Of every command that has data. After wrong usage or a harness error stdout stays empty."""

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, latest, or the path of its folder or record.")]


def examples(*lines: str) -> str:
    """Return an epilog with one example per line."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])
