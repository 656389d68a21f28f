"""IPv6, both families at once, and how long connections stay open."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from system.api.__main__ import listen
from system.api.rate_limit import client_of, with_mapped
from system.settings import ApiSettings

from .conftest import Start, running
from .test_process import Process, started

IPV6 = socket.has_dualstack_ipv6()
needs_ipv6 = pytest.mark.skipif(not IPV6, reason="this machine has no IPv6")


def reached(host: str, port: int) -> int:
    """Return the status of a response, or 0 if nothing listens."""
    try:
        return httpx.get(f"http://{host}:{port}/health").status_code
    except httpx.ConnectError:
        return 0


@needs_ipv6
def test_all_addresses_are_those_of_both_families() -> None:
    with started(API_HOST="::") as process:
        assert {host: reached(host, process.port) for host in ("127.0.0.1", "[::1]")} == {"127.0.0.1": 200, "[::1]": 200}


def test_without_ipv6_all_addresses_are_those_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    (listening,) = listen("::", 0)
    with listening:
        assert (listening.family, listening.getsockname()[0]) == (socket.AF_INET, "0.0.0.0")  # noqa: S104 - compared, not bound


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_one_address_is_one_socket(host: str) -> None:
    (listening,) = listen(host, 0)
    with listening:
        assert listening.getsockname()[0] == host


@pytest.mark.parametrize(
    ("address", "prefix", "client"),
    [
        ("192.0.2.1", 64, "192.0.2.1"),
        ("::ffff:192.0.2.1", 64, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", 64, "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9%eth0", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", 48, "2001:db8:1::/48"),
        ("2001:db8::9", 128, "2001:db8::9/128"),
        ("unix", 64, "unix"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_prefix(address: str, prefix: int, client: str) -> None:
    assert client_of(address, prefix) == client


def test_proxies_are_trusted_in_both_notations() -> None:
    assert with_mapped(("10.0.0.0/8", "2001:db8::/32")) == ["10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "second", "limited"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "[2001:db8::2]:4711", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1:80", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_the_limit_counts_clients_behind_a_proxy(redis_url: str, first: str, second: str, limited: bool) -> None:
    async with running(redis_url, rate_limit="1/hour", trusted_proxies=("127.0.0.1",)) as api:
        assert (await api.vote(X_Forwarded_For=first)).status_code == 201
        assert (await api.vote(X_Forwarded_For=second)).status_code == (429 if limited else 201)


@pytest.mark.anyio
async def test_a_trusted_proxy_in_the_chain_may_be_mapped(start: Start) -> None:
    async with start(rate_limit="1/hour", trusted_proxies=("127.0.0.1", "10.0.0.0/8")) as api:
        assert (await api.vote(X_Forwarded_For="192.0.2.1, ::ffff:10.0.0.7")).status_code == 201
        assert (await api.vote(X_Forwarded_For="192.0.2.2, ::ffff:10.0.0.7")).status_code == 201
        assert (await api.vote(X_Forwarded_For="192.0.2.2, 10.0.0.9")).status_code == 429


@contextlib.contextmanager
def idle_connections(process: Process) -> Iterator[list[http.client.HTTPConnection]]:
    """Open connections, each idle after its first response."""
    with contextlib.ExitStack() as opened:
        connections = [http.client.HTTPConnection("127.0.0.1", process.port, timeout=10) for _ in range(20)]
        for connection in connections:
            opened.callback(connection.close)
            connection.request("GET", "/health")
            connection.getresponse().read()
        yield connections


def test_idle_connections_outlive_those_of_proxies() -> None:
    assert ApiSettings().api_keep_alive > 60
    with started(API_KEEP_ALIVE="7") as process, idle_connections(process) as connections:
        time.sleep(5.0)  # where uvicorn's own time ends
        for connection in connections:
            connection.request("POST", "/api/vote", b"{}", {"Content-Type": "application/json"})
            assert connection.getresponse().read()
        assert [connection.sock.recv(1) for connection in connections] == [b""] * 20  # closed by the server in the end


def test_idle_connections_do_not_delay_the_end() -> None:
    with started() as process, idle_connections(process):
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 3
