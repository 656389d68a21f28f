import subprocess
import sys
import time
from pathlib import Path

import pytest

from system.consumer import heartbeat
from system.errors import SettingsInvalid
from system.settings import ConsumerSettings


@pytest.fixture
def settings(tmp_path: Path) -> ConsumerSettings:
    return ConsumerSettings(heartbeat_file=tmp_path / "heartbeat")


def probe(settings: ConsumerSettings) -> int:
    command = [sys.executable, "-m", "system.consumer.heartbeat"]
    return subprocess.run(command, env={"HEARTBEAT_FILE": str(settings.heartbeat_file)}, check=False).returncode


def test_a_fresh_heartbeat_means_alive(settings: ConsumerSettings) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    assert heartbeat.alive(settings)
    assert probe(settings) == 0


def test_a_missing_heartbeat_means_not_alive(settings: ConsumerSettings) -> None:
    assert not heartbeat.alive(settings)
    assert probe(settings) == 1


def test_the_heartbeat_of_an_earlier_process_does_not_count(settings: ConsumerSettings) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    heartbeat.Heartbeat(settings.heartbeat_file)
    assert not heartbeat.alive(settings)


def test_an_old_heartbeat_means_that_the_loop_hangs(settings: ConsumerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + heartbeat.limit(settings) - 1)
    assert heartbeat.alive(settings)
    monkeypatch.setattr(time, "monotonic", lambda: now + heartbeat.limit(settings) + 1)
    assert not heartbeat.alive(settings)


def test_a_hung_loop_is_detected_within_30_seconds(settings: ConsumerSettings) -> None:
    assert settings.block_ms / 1000 + heartbeat.REPLY_SECONDS < heartbeat.limit(settings) < 30


@pytest.mark.parametrize("content", ["", "soon", "nan", "1e300"])
def test_a_corrupt_heartbeat_means_not_alive(settings: ConsumerSettings, content: str) -> None:
    settings.heartbeat_file.write_text(content)
    assert not heartbeat.alive(settings)


def test_an_unwritable_path_is_an_invalid_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"^HEARTBEAT_FILE: "):
        heartbeat.Heartbeat(tmp_path / "missing" / "heartbeat")
