"""The picture in the README is what the terminal shows, and loads nothing from elsewhere."""

import os
import re

from tests.hygiene.terminal import PICTURE, draw


def test_the_picture_is_what_the_terminal_shows() -> None:
    drawn = draw()
    if os.environ.get("VOTECHECK_REGENERATE") == "1":
        PICTURE.write_text(drawn, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn, "run again with VOTECHECK_REGENERATE=1"


def test_the_picture_shows_a_verdict_and_loads_nothing() -> None:
    picture = PICTURE.read_text(encoding="utf-8")
    assert "NO-GO" in picture
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", picture) == []
