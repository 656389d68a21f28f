"""The environment of this process and of every child: built from the names below, never inherited.

A verdict must not depend on who asks for it. Options of pytest, Python, Locust, git, Helm, clients of databases, proxies and the locale
reach neither the harness nor what it starts. A name that is needed is added here, with its reason.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

PROJECT = str(Path(__file__).resolve().parents[2])

MACHINE = ("HOME", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "GOGC")
"""This machine and user: certificates that it trusts, libraries that its Python needs. GOGC is how the harness speeds up Helm."""

ENGINE = (
    "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS", "CONTAINER_", "CONTAINERS_", "_CONTAINERS_",
    "DOCKER_", "BUILDAH_ISOLATION", "STORAGE_", "REGISTRY_AUTH_FILE",
)  # fmt: skip
"""Where a container engine listens and keeps its images. A name that ends in _ stands for all that begin with it."""

CLUSTER = ("KUBECONFIG", "MINIKUBE_", "KIND_", "K3D_", "AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "USE_GKE_GCLOUD_AUTH_PLUGIN")
"""Which cluster, and the credentials that programs named in a kubeconfig read. ENGINE comes with it: those programs load images."""

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""For a cluster that is not on this machine, and for engines that pull or build. Nothing else uses a proxy."""

TERMINAL = (
    "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "CI",
    "COMP_", "_TYPER_COMPLETE_", "_VOTECHECK_COMPLETE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE",
)  # fmt: skip
"""How and where the command line prints, and how it completes. Children write to files, and get none of it."""

PARENT = "VOTECHECK_PARENT"
"""Process id of the command that runs several proofs, or parts of a run, at once: what the others use is not the load of strangers."""

FIXED = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
HARMLESS = frozenset({"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONPYCACHEPREFIX"})
"""Variables of Python that change no result. Any other makes this process start again without it."""
NOT_WRITABLE_BY_OTHERS = 0o022
"""A umask: what is created may be read by others, unless its place wants another mode and sets it."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that no client reaches through a proxy."""


def count_as_one() -> None:
    """Count this process and all that it starts as one run in what others use of this machine, unless its parent has said so."""
    os.environ.setdefault(PARENT, str(os.getpid()))


def built(*groups: str, **own: str) -> dict[str, str]:
    """Return the environment of a child.

    Args:
        groups: names of further variables that it may see, such as `*ENGINE`.
        own: its own variables.
    """
    asked = (*MACHINE, *groups)
    kept = {name: value for name, value in os.environ.items() if _is_in(name, asked)}
    temporary = os.environ.get("TMPDIR", "")
    if temporary and Path(temporary).is_dir():  # else Python and the engines choose one that exists
        kept["TMPDIR"] = str(Path(temporary).absolute())  # a child may work in another folder
    if sys.dont_write_bytecode:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {"PATH": os.environ.get("PATH") or os.defpath} | kept | FIXED | own


def adopt() -> None:
    """Replace the environment of this process, and let nothing that it creates be writable by others.

    Helm runs in this process and, as a Go library, reads the variables at the place where the process got them. So what stays is not
    touched: with all of them cleared and set again, Helm would know no HOME and keep its cache of the cluster in the working directory.
    """
    started_by_us = os.environ.get(PARENT) == str(os.getppid())
    ours = built(*ENGINE, *CLUSTER, *PROXIES, *TERMINAL, *([PARENT] if started_by_us else ()))
    for name in os.environ.keys() - ours.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in ours.items() if os.environ.get(name) != value})
    os.umask(os.umask(NOT_WRITABLE_BY_OTHERS) | NOT_WRITABLE_BY_OTHERS)


@contextmanager
def adopted() -> Iterator[None]:
    """Adopt the environment for the duration of the block."""
    before, mask = dict(os.environ), os.umask(NOT_WRITABLE_BY_OTHERS)
    os.umask(mask)
    adopt()
    try:
        yield
    finally:
        os.umask(mask)
        os.environ.clear()
        os.environ.update(before)


def altered() -> str:
    """Return what the caller changed about this interpreter: a variable or an option of Python. Empty: nothing that matters."""
    for name, value in os.environ.items():
        if name.startswith("PYTHON") and value and name not in HARMLESS and not (name == "PYTHONPATH" and _is_project(value)):
            return name
    flags = sys.flags
    if flags.optimize or flags.dev_mode or flags.bytes_warning or flags.inspect or flags.debug or flags.verbose or sys.warnoptions:
        return "an option of Python"
    utf8 = all((stream is None or stream.encoding.lower() == "utf-8") for stream in (sys.stdout, sys.stderr))
    return "" if utf8 and sys.getfilesystemencoding() == "utf-8" else "the locale"


def restart() -> NoReturn:
    """Start this program again in place, in an interpreter that ignores every variable of Python and starts from UTF-8."""
    program = f"import sys; {PROJECT!r} in sys.path or sys.path.insert(0, {PROJECT!r}); from validation.__main__ import begin; begin()"
    bytecode = ["-B"] if sys.dont_write_bytecode else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    os.execve(sys.executable, [sys.executable, "-I", "-X", "utf8", *bytecode, "-c", program, *sys.argv[1:]], kept)  # noqa: S606 - no shell


def _is_project(paths: str) -> bool:
    return all(os.path.realpath(path) == PROJECT for path in paths.split(os.pathsep))


def _is_in(name: str, asked: tuple[str, ...]) -> bool:
    return name in asked or any(one.endswith("_") and name.startswith(one) for one in asked)
