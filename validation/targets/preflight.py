"""Checks before a run touches anything: options are usable, reports can be written, external servers and the cluster answer."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from validation.core.commands import command
from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT, RunSettings
from validation.targets.reachability import check_database, check_http, check_redis

SCHEMES = {"api": ("http",), "redis": ("redis", "unix"), "database": ("postgres",)}


@contextmanager
def preflight(settings: RunSettings) -> Iterator[str]:
    """Check the options, external servers and the cluster, and make the run's folder.

    Yields what to print before the run, or nothing. A folder that is empty at the end is removed: there was no run.

    Raises:
        UsageError: a URL is malformed.
        HarnessError: the source holds no voting system, or the run's folder cannot be created.
        TargetUnavailable: a server does not answer or has no schema, or the cluster does not answer.
    """
    for name, schemes in SCHEMES.items():
        url = getattr(settings, f"{name}_url")
        if url and not url.startswith(schemes):
            raise UsageError(
                f"The URL in --{name}-url is malformed: {url}", f"it must start with {' or '.join(schemes)}", "votecheck run --help"
            )
    if not (settings.source / "system").is_dir():
        raise HarnessError(
            f"{settings.source} has no system/ folder to validate.",
            "a wrong --source",
            command("votecheck", "run", "--source", str(PROJECT)),
        )
    try:
        settings.folder.mkdir(parents=True)
    except OSError as error:
        raise HarnessError(
            f"Cannot write reports: {error}.",
            "a file has the folder's name, or another user owns the folder",
            "votecheck run --reports FOLDER",
        ) from None
    try:
        if settings.api_url:
            check_http(settings.api_url)
        if settings.redis_url:
            check_redis(settings.redis_url)
        if settings.database_url:
            check_database(settings.database_url)
        yield _describe_cluster(settings) if settings.target == "cluster" else ""
    finally:
        with suppress(OSError):  # it holds something
            settings.folder.rmdir()


def _describe_cluster(settings: RunSettings) -> str:
    from validation.targets.cluster.access import Cluster  # noqa: PLC0415 - the client takes a second to import
    from validation.targets.cluster.installation import managed_release_name  # noqa: PLC0415

    cluster = Cluster(settings.kubeconfig, settings.context)
    name = managed_release_name(settings)
    found = f"Cluster: context {cluster.context} at {cluster.server}, Kubernetes {cluster.version()}."
    if settings.release:
        return f"{found} votecheck votes on the external release {settings.release} and reads its state; it changes nothing else."
    return f"{found} votecheck installs release {name} in namespaces {name}-* and removes it afterwards."
