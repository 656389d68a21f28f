"""Ages of keys and names can be chosen, on a real Redis that believes them."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

from tests.unit.servers import valkey
from validation.core import protocol
from validation.core.errors import ProbeError
from validation.probes.running import stream_dump
from validation.probes.running.keyspace import FOR_EVER, Keyspace

STREAM, GROUP = "votes", "group"
NUMBER = 3


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with valkey() as server:
        yield urlunsplit(urlsplit(server.url)._replace(path=f"/{NUMBER}"))


@pytest.fixture
def keys(url: str) -> Iterator[Keyspace]:
    with Keyspace(url) as opened:
        yield opened


def test_the_checksum_is_that_of_redis() -> None:
    assert stream_dump.crc64(b"123456789") == 0xE9C6D914C4B8D9CA, "the example in Redis' own source"


def test_names_become_older_and_others_do_not(keys: Keyspace) -> None:
    keys.add_votes(STREAM, "a", 5, protocol.OPTIONS)
    keys.add_names(STREAM, new_group(keys), ["old-1", "old-2", "young"])
    keys.age_names(STREAM, ["old-1", "old-2"], 86_400_000)
    idle = keys.names(STREAM, GROUP)
    assert idle.keys() == {"old-1", "old-2", "young"}
    assert all(86_400_000 <= idle[name] < 86_460_000 for name in ("old-1", "old-2"))
    assert idle["young"] < 60_000
    assert keys.size(STREAM) == 5


@pytest.mark.parametrize("name", ["missing", "a-name-of-more-than-twenty-bytes"])
def test_a_name_that_cannot_become_older_is_refused(keys: Keyspace, name: str) -> None:
    keys.add_votes(STREAM, "a", 1, protocol.OPTIONS)
    keys.add_names(STREAM, new_group(keys), ["there"])
    with pytest.raises(ProbeError):
        keys.age_names(STREAM, [name], 1)


def test_added_votes_are_votes(keys: Keyspace, url: str) -> None:
    keys.add_votes(STREAM, "a", 100, protocol.OPTIONS)
    client = redis.Redis.from_url(url, decode_responses=True)
    entries = [fields for _, fields in client.xrange(STREAM)]
    client.close()
    assert len({entry["request_id"] for entry in entries}) == 100
    assert {entry["option"] for entry in entries} == set(protocol.OPTIONS)


def test_the_lives_of_keys_are_seen_and_end_when_told(keys: Keyspace, url: str) -> None:
    client = redis.Redis.from_url(url)
    client.set("kept", 1)
    client.set("remembered", 1, ex=3600)
    client.close()
    lives = keys.lives()
    assert lives["kept"] == FOR_EVER
    assert 3_500_000 < lives["remembered"] <= 3_600_000
    keys.let_expire(["remembered"])
    assert keys.lives().get("remembered", 0) <= 1


def test_only_connections_to_this_database_are_dropped(keys: Keyspace, url: str) -> None:
    here, elsewhere = redis.Redis.from_url(url), redis.Redis.from_url(url.rpartition("/")[0] + "/0")
    here.ping()
    elsewhere.ping()
    assert len(keys.connections()) == 1
    assert keys.drop_connections() == 1
    assert keys.connections() == []
    assert elsewhere.client_list()
    here.close()
    elsewhere.close()


def test_a_database_in_use_is_refused_and_kept(url: str) -> None:
    client = redis.Redis.from_url(url)
    client.set("of another", 1)
    with pytest.raises(ProbeError, match="in use"), Keyspace(url):
        pass
    assert client.delete("of another") == 1
    client.close()


def new_group(keys: Keyspace) -> str:
    keys._client.xgroup_create(STREAM, GROUP, "0")
    return GROUP
