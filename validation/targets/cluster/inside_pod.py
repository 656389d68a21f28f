"""Inspects a pod from inside: what its process may see and do, read by a program that runs in the pod."""

import json
from dataclasses import dataclass
from typing import Any

from validation.core.errors import ProbeError
from validation.targets.cluster.installation import Installation

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
PYTHONS = {"api": "/usr/bin/python3.13", "consumer": "python"}
PROGRAM = f"""
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/1/status").read().splitlines() if ":\\t" in line)
def write(path):
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)); os.unlink(path)
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)
    return "written"
print(json.dumps(dict(
    user=status["Uid"].split()[0], group=status["Gid"].split()[0], effective=int(status["CapEff"], 16), bounding=int(status["CapBnd"], 16),
    seccomp=int(status["Seccomp"]), no_new_privileges=int(status["NoNewPrivs"]), root=write("/votecheck-probe"),
    tmp=write("/tmp/votecheck-probe"), token=os.path.exists({TOKEN!r}),
    variables=dict(part.split("=", 1) for part in open("/proc/1/environ").read().split("\\0") if "=" in part))))
"""
"""`/proc/1/environ` holds the variables that the process was started with, not those of this program."""
SHELL = f"""
status() {{ sed -n "s/^$1:[[:space:]]*//p" /proc/1/status | cut -f1; }}
try() {{ if (: > $1) 2>/dev/null; then rm -f $1; echo written; else echo refused; fi; }}
printf '{{"user":"%s","group":"%s","effective":"%s","bounding":"%s","seccomp":%s,' \
  "$(status Uid)" "$(status Gid)" "$(status CapEff)" "$(status CapBnd)" "$(status Seccomp)"
printf '"no_new_privileges":%s,"root":"%s","tmp":"%s","token":"%s"}}' "$(status NoNewPrivs)" \
  "$(try /votecheck-probe)" "$(try /tmp/votecheck-probe)" "$(test -e {TOKEN} && echo there)"
"""
"""The same for images without Python."""


@dataclass(frozen=True, slots=True)
class PodInspection:
    """What a pod looks like from inside.

    Attributes:
        user, group: ids of the first process.
        capabilities: the effective and the bounding set, as bits.
        seccomp: whether system calls are filtered.
        no_new_privileges: whether setuid files are without effect.
        writes_root, writes_tmp: whether a file could be created in / and in /tmp.
        token: whether a service account token is mounted.
        variables: the variables that the process was started with; empty if the image has no Python.
    """

    user: int
    group: int
    capabilities: int
    seccomp: bool
    no_new_privileges: bool
    writes_root: bool
    writes_tmp: bool
    token: bool
    variables: dict[str, str]


def inspect(installation: Installation, component: str, pod: Any) -> PodInspection:
    """Inspect a pod from inside.

    Raises:
        ProbeError: the program could not be run in it, or printed something else.
    """
    python = PYTHONS.get(component)
    command = [python, "-c", PROGRAM] if python else ["sh", "-c", SHELL]
    done = installation.cluster.run(pod.metadata.namespace, pod.metadata.name, *command, container=component)
    try:
        result = json.loads(done.output)
        return PodInspection(
            user=int(result["user"]),
            group=int(result["group"]),
            capabilities=_bits(result["effective"]) | _bits(result["bounding"]),
            seccomp=int(result["seccomp"]) > 0,
            no_new_privileges=bool(int(result["no_new_privileges"])),
            writes_root=result["root"] == "written",
            writes_tmp=result["tmp"] == "written",
            token=bool(result["token"]),
            variables=result.get("variables", {}),
        )
    except (ValueError, KeyError) as error:
        raise ProbeError(f"Cannot inspect {pod.metadata.name} from inside: {error}: {done.output[:300]}") from None


def _bits(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16)
