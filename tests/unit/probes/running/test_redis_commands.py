"""Commands are seen also after a silence, and a watcher that could not look says so."""

import os
import signal
import time

import pytest
import redis

from tests.unit.servers import valkey
from validation.core.errors import ProbeError
from validation.core.waiting import eventually
from validation.probes.running import redis_commands
from validation.probes.running.redis_commands import watched


def test_commands_to_the_database_are_seen_after_a_silence_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_commands, "SECONDS", 0.2)
    with valkey() as server, redis.Redis.from_url(server.url) as client, redis.Redis.from_url(server.url, db=3) as other:
        with watched(server.url) as seen:
            time.sleep(0.5)
            other.set("elsewhere", "1")
            client.xadd("votes", {"option": "cats"}, id="1-1")
            assert eventually(lambda: [one.words for one in seen], lambda words: len(words) > 1, within=10).held
        found = [one for one in seen if one.words[0] == "XADD"]
    assert [one.words for one in found] == [("XADD", "votes", "1-1", "option", "cats")]
    assert (found[0].after("VOTES"), found[0].after("OPTION"), found[0].after("CATS")) == ("1-1", "cats", "")
    assert not [one for one in seen if "elsewhere" in one.words]


def test_a_watcher_whose_server_is_gone_could_not_look() -> None:
    with valkey() as server, pytest.raises(ProbeError, match=r"^Cannot watch the commands of Redis"), watched(server.url):
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(0.2)
