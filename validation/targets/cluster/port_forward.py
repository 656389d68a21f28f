"""Forwards a port of 127.0.0.1 to a pod through the API server, like `kubectl port-forward`, but to whichever pod is ready."""

import contextlib
import select
import socket
import threading
from collections.abc import Callable

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward

from validation.core.errors import HarnessError
from validation.core.waiting import eventually
from validation.targets.cluster.access import Cluster

CHUNK_BYTES = 65_536
IDLE_SECONDS = 1.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 4.0


class PortForward:
    """Listens until closed. Each connection goes to a pod chosen when it opens, and ends when either side closes it.

    Args:
        cluster: the cluster of the pod.
        namespace: the pod's namespace.
        pod: returns the name of a pod that accepts connections; empty if none does.
        port: the pod's port.
    """

    def __init__(self, cluster: Cluster, namespace: str, pod: Callable[[], str], port: int) -> None:
        self._cluster, self._namespace, self._pod, self._inner = cluster, namespace, pod, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(IDLE_SECONDS)
        self._ended = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"forward-{namespace}-{port}", daemon=True).start()

    def close(self) -> None:
        """Stop listening; open connections end within a second."""
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError, ApiException, HarnessError, ValueError):
            name = self._pod()
            if not name:
                return
            with self._cluster.client() as own:
                forwarded = portforward(
                    client.CoreV1Api(own).connect_get_namespaced_pod_portforward, name, self._namespace,
                    ports=str(self._inner), _request_timeout=CONNECT_SECONDS,
                )  # fmt: skip
                try:
                    self._pump(near, forwarded.socket(self._inner))
                finally:
                    forwarded.close()  # the client's thread notices, and closes the WebSocket properly
                    eventually(lambda: forwarded.connected, lambda connected: not connected, within=CLOSE_SECONDS)
                    forwarded.websocket.shutdown()  # its socket would stay open if the server closed first

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        far.setblocking(True)
        other = {near: far, far: near}
        while not self._ended.is_set():
            for ready in select.select([near, far], [], [], IDLE_SECONDS)[0]:
                data = ready.recv(CHUNK_BYTES)
                if not data:
                    return
                other[ready].sendall(data)
