"""What changed between the packages of two sets of images, from the SBOMs that a run keeps in its folder."""

import json
from pathlib import Path
from typing import Any

from validation.report.text import one_line

SBOMS = "sbom-*.json"


def changes(before: Path, after: Path) -> list[str] | None:
    """Return which packages were removed, added or have another version, one line each; None if a run holds no SBOM.

    Args:
        before: the folder of the earlier run.
        after: the folder of the later one.

    Raises:
        ValueError: an SBOM is not CycloneDX.
    """
    old, new = (_packages(folder) for folder in (before, after))
    if not old or not new:
        return None
    found = []
    for name in sorted(old.keys() | new.keys()):
        was, now = (", ".join(sorted(packages.get(name, ()))) for packages in (old, new))
        if was != now:
            found.append(one_line(f"{name}: {was or 'none'} → {now or 'none'}"))
    return found


def _packages(folder: Path) -> dict[str, set[str]]:
    """Return the versions of each package, by its image, its kind and its name."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.glob(SBOMS)):
        image = file.stem.partition("-")[2]
        try:
            document: Any = json.loads(file.read_bytes())
            for one in document.get("components", ()):
                kind = one.get("purl", "pkg:generic/").partition(":")[2].partition("/")[0]
                found.setdefault(f"{image}: {one['name']} ({kind})", set()).add(str(one.get("version", "")))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file.name} is not CycloneDX: {error!r}") from error
    return found
