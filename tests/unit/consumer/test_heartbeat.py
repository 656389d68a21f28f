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


def test_a_fresh_beat_is_a_sign_of_life(settings: ConsumerSettings) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    assert heartbeat.alive(settings)
    assert probe(settings) == 0


def test_no_beat_is_none(settings: ConsumerSettings) -> None:
    assert not heartbeat.alive(settings)
    assert probe(settings) == 1


def test_the_beat_of_an_earlier_process_does_not_count(settings: ConsumerSettings) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    heartbeat.Heartbeat(settings.heartbeat_file)
    assert not heartbeat.alive(settings)


def test_an_old_beat_means_that_the_loop_hangs(settings: ConsumerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.Heartbeat(settings.heartbeat_file)()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + heartbeat.limit(settings) - 1)
    assert heartbeat.alive(settings)
    monkeypatch.setattr(time, "monotonic", lambda: now + heartbeat.limit(settings) + 1)
    assert not heartbeat.alive(settings)


def test_a_hung_loop_is_found_within_half_a_minute(settings: ConsumerSettings) -> None:
    assert settings.block_ms / 1000 + heartbeat.REPLY_SECONDS < heartbeat.limit(settings) < 30


@pytest.mark.parametrize("content", ["", "soon", "nan", "1e300"])
def test_a_broken_beat_is_none(settings: ConsumerSettings, content: str) -> None:
    settings.heartbeat_file.write_text(content)
    assert not heartbeat.alive(settings)


def test_a_place_that_takes_no_file_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"^HEARTBEAT_FILE: "):
        heartbeat.Heartbeat(tmp_path / "missing" / "heartbeat")
