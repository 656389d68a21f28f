"""Where a fault proxy or a TLS server of the harness is put, or why it cannot be."""

from collections.abc import Callable

import pytest

from validation.core.errors import HarnessError, NotProven
from validation.faults.proxy.addresses import pooler_to, proxy_to, server_of

URL = "redis://127.0.0.1:6379/0"


def test_the_server_behind_it_is_that_of_the_url() -> None:
    assert server_of(URL, "127.0.0.1") == ("127.0.0.1", 6379)


@pytest.mark.parametrize("made", [proxy_to, pooler_to, server_of])
def test_parts_that_can_reach_none_leave_the_scenario_not_proven(made: Callable[[str, str], object]) -> None:
    with pytest.raises(NotProven, match="rootless engine"):
        made(URL, "")


@pytest.mark.parametrize("url", ["unix:///run/redis.sock", "redis://127.0.0.1"])
def test_a_url_without_a_port_is_a_harness_error(url: str) -> None:
    with pytest.raises(HarnessError, match="no host or no port"):
        server_of(url, "127.0.0.1")
