"""`python -m tests.page_pictures RUN`: copy pictures of the voting page from the record of a run of B30 into the documents."""

import json
import shutil
import sys
from pathlib import Path

from validation.core.settings import PROJECT
from validation.record.evidence import PICTURE, path_of

PICTURES = {
    "page-light.png": ("test_readable_how[in_light_colors]", "what axe finds wrong"),
    "page-dark-small.png": ("test_readable_how[in_dark_320_pixels_wide]", "what axe finds wrong"),
    "page-stale.png": ("test_the_server_is_frozen", "age of the results"),
}
"""File in docs → scenario and subject of the observation that has the picture; of several the last."""


def main(run: Path) -> None:
    """Copy each picture."""
    events = [json.loads(line.partition(" ")[2]) for line in (run / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, (scenario, subject) in PICTURES.items():
        seen = [one for one in events if one["event"] == "observation" and one["scenario"].endswith(scenario) and one["subject"] == subject]
        shutil.copyfile(run / path_of(seen[-1]["files"][PICTURE], PICTURE), PROJECT / "docs" / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
