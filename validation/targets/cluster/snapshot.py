"""Saves the state of an installation when a checkpoint fails: one folder of files, without secrets."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from validation.core import protocol
from validation.core.errors import HarnessError, NotProven
from validation.core.protocol import LAYERS
from validation.probes.running import newest
from validation.probes.running.store import StoreProbe
from validation.probes.running.stream import StreamProbe
from validation.targets.cluster.access import REQUEST_SECONDS, api_call, to_dict
from validation.targets.cluster.installation import LAYER_OF, Installation, is_ready

LOG_LINES = 2000
HIDDEN = "<hidden>"


def take(installation: Installation, folder: Path, stream: StreamProbe, store: StoreProbe) -> list[Path]:
    """Save objects, events, logs, pods that are not ready, the stream and the rows. Return the files.

    If something cannot be read, its file holds the error instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    secrets = _secrets(installation)
    files = []
    for name, read in _contents(installation, stream, store):
        try:
            content = read()
        except (HarnessError, NotProven) as error:
            content = f"Cannot read this: {error}"
        for secret in secrets:
            content = content.replace(secret, HIDDEN)
        (folder / name).write_text(content, encoding="utf-8")
        files.append(folder / name)
    return files


def _contents(installation: Installation, stream: StreamProbe, store: StoreProbe) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "objects.json", lambda: _objects(installation)
    yield "events.txt", lambda: _events(installation)
    yield "not-ready.txt", lambda: _not_ready(installation)
    yield "stream.txt", lambda: json.dumps(stream.whole_story(protocol.STREAM), indent=1, default=str)
    yield "rows.txt", lambda: f"counts {dict(store.counts())}\nsums of the ledger {dict(store.ledger_totals())}\n"
    yield "entries.txt", lambda: newest.stream_entries(installation.redis.url, (), managed=installation.managed)
    yield "ledger.txt", lambda: newest.rows(installation.database.url, (), managed=installation.managed)
    with contextlib.suppress(HarnessError):
        for component in LAYER_OF:
            for pod in installation.pods(component):
                for container in pod.spec.containers:
                    for previous in (False, True):
                        if previous and not any(status.restart_count for status in pod.status.container_statuses or []):
                            continue
                        name = f"{pod.metadata.name}.{container.name}{'.previous' if previous else ''}.log"
                        yield name, lambda pod=pod, c=container.name, p=previous: _log(installation, pod, c, previous=p)  # type: ignore[misc]


def _secrets(installation: Installation) -> list[str]:
    """Return the secrets to hide, longest first, in case one contains another."""
    found = []
    with contextlib.suppress(HarnessError, KeyError):
        found = [installation.secret(key) for key in ("REDIS_PASSWORD", "POSTGRES_PASSWORD")]
    return sorted(filter(None, found), key=len, reverse=True)


def _objects(installation: Installation) -> str:
    cluster, found = installation.cluster, {}
    for layer in LAYERS:
        namespace = installation.namespace(layer)
        with api_call(f"the objects of {namespace}"):
            found[namespace] = [
                to_dict(one)
                for listed in (
                    cluster.core.list_namespaced_pod,
                    cluster.core.list_namespaced_service,
                    cluster.core.list_namespaced_persistent_volume_claim,
                    cluster.apps.list_namespaced_deployment,
                    cluster.apps.list_namespaced_stateful_set,
                    cluster.networking.list_namespaced_network_policy,
                    cluster.policy.list_namespaced_pod_disruption_budget,
                )
                for one in listed(namespace, _request_timeout=REQUEST_SECONDS).items
            ]
    return json.dumps(found, indent=1)


def _events(installation: Installation) -> str:
    lines = []
    for layer in LAYERS:
        with api_call(f"the events of {layer}"):
            events = installation.cluster.core.list_namespaced_event(installation.namespace(layer), _request_timeout=REQUEST_SECONDS).items
        lines += [(str(e.last_timestamp or e.event_time), f"{e.type} {e.reason} {e.involved_object.name}: {e.message}") for e in events]
    return "\n".join(f"{at}  {line}" for at, line in sorted(lines))


def _not_ready(installation: Installation) -> str:
    pods: list[Any] = []
    for component in LAYER_OF:
        pods += [to_dict(pod) for pod in installation.pods(component) if not is_ready(pod)]
    return json.dumps(pods, indent=1) if pods else "every pod is ready"


def _log(installation: Installation, pod: Any, container: str, *, previous: bool) -> str:
    with api_call(f"the log of {pod.metadata.name}"):
        return str(
            installation.cluster.core.read_namespaced_pod_log(
                pod.metadata.name, pod.metadata.namespace, container=container, previous=previous, tail_lines=LOG_LINES, timestamps=True,
                _request_timeout=REQUEST_SECONDS,
            )
        )  # fmt: skip
