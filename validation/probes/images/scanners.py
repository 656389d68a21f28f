"""What two scanners that others keep say of our Dockerfiles and images: hadolint and trivy, without a network.

Nothing of this machine steers them: neither a settings file, nor a variable, nor a remark in the Dockerfile.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from validation.core.errors import NotProven, ProbeError
from validation.probes.images.inspection import Image

SECONDS = 300.0
FRESH = timedelta(days=30)
"""An older database does not know the flaws of the last weeks: what it does not find proves nothing."""
TRIVY = (
    "--format",
    "json",
    "--quiet",
    "--config",
    "",
    "--ignorefile",
    "",
    "--skip-check-update",
    "--skip-version-check",
    "--disable-telemetry",
)
OF_IMAGES = ("--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-vex-repo-update", "--secret-config", "")


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that a scanner found.

    Attributes:
        rule: its id: DL3007, DS-0026, CVE-2024-1234.
        severity: in the scanner's own words.
        where: file and line, or package and version.
        what: one line.
        fixed_in: the version without the flaw, where there is one.
    """

    rule: str
    severity: str
    where: str
    what: str
    fixed_in: str = ""

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.rule} ({self.severity.lower()}) {self.where}: {self.what}{f'; fixed in {self.fixed_in}' if self.fixed_in else ''}"


@dataclass(frozen=True, slots=True)
class VulnerabilityDatabase:
    """A database of known flaws.

    Attributes:
        folder: where trivy.db is.
        updated: when it was made.
    """

    folder: Path
    updated: datetime


def hadolint(dockerfile: Path) -> tuple[Issue, ...]:
    """Have a Dockerfile linted.

    Raises:
        NotProven: hadolint is not installed.
        ProbeError: it did not look.
    """
    told = _run("hadolint", "--no-fail", "--disable-ignore-pragma", "--format", "json", str(dockerfile.resolve()))
    return tuple(Issue(r["code"], r["level"], f"{dockerfile.name}:{r['line']}", r["message"]) for r in told)


def trivy_dockerfile(dockerfile: Path) -> tuple[Issue, ...]:
    """Have a Dockerfile checked by the checks that trivy carries with it.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: it did not look.
    """
    told = _run("trivy", "config", *TRIVY, str(dockerfile.resolve()))
    looked = [r for r in told.get("Results", []) if r.get("Type") == "dockerfile"]
    if not any(r["MisconfSummary"]["Successes"] for r in looked):
        raise ProbeError(f"trivy looked at {dockerfile.name} and took it for no Dockerfile.")
    return tuple(
        Issue(m["ID"], m["Severity"], f"{dockerfile.name}:{m.get('CauseMetadata', {}).get('StartLine', 1)}", m["Message"])
        for result in looked
        for m in result.get("Misconfigurations", [])
    )


def trivy_secrets(image: Image) -> tuple[Issue, ...]:
    """Have secrets looked for in every layer and in the configuration of an image.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: it did not look, or at another image.
    """
    told = _of_image(image, "--scanners", "secret", "--image-config-scanners", "secret")
    return tuple(
        Issue(s["RuleID"], s["Severity"], f"{result['Target']}:{s.get('StartLine', 0)}", s["Title"])
        for result in told.get("Results", [])
        for s in result.get("Secrets", [])
    )


def trivy_vulnerabilities(image: Image, database: VulnerabilityDatabase) -> tuple[Issue, ...]:
    """Have the packages of an image looked up in a database of known flaws.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: it did not look, or at another image.
    """
    told = _of_image(image, "--scanners", "vuln", "--list-all-pkgs", database=database)
    results = told.get("Results", [])
    if not any(result.get("Packages") for result in results):
        raise ProbeError(f"trivy looked no package of {image.name} up.")
    return tuple(
        Issue(
            flaw["VulnerabilityID"],
            flaw.get("Severity", "UNKNOWN"),
            f"{flaw['PkgName']} {flaw['InstalledVersion']}",
            flaw.get("Title", "no title"),
            flaw.get("FixedVersion", ""),
        )
        for result in results
        for flaw in result.get("Vulnerabilities", [])
    )


def vulnerability_db(given: str) -> VulnerabilityDatabase:
    """Find a database of known flaws in the folder that was given: of trivy's cache, or its `db`.

    Raises:
        NotProven: none was given, there is none, or it is too old.
    """
    if not given:
        raise NotProven("No database of known flaws was given. Try: votecheck run --checkpoint B14 --vulnerability-db DIR")
    folder = next((f for f in (Path(given) / "db", Path(given)) if (f / "trivy.db").is_file()), None)
    if folder is None:
        raise NotProven(f"There is no trivy.db in {given}. Try: trivy image --download-db-only --cache-dir {given}")
    try:
        updated = datetime.fromisoformat(json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["UpdatedAt"])
        age = datetime.now(UTC) - updated
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotProven(f"How old the database in {folder} is cannot be told: {type(error).__name__}: {error}") from error
    if age > FRESH:
        raise NotProven(f"The database in {folder} is of {updated:%Y-%m-%d}, and older than {FRESH.days} days. Try: renew it")
    return VulnerabilityDatabase(folder, updated)


def _of_image(image: Image, *options: str, database: VulnerabilityDatabase | None = None) -> dict[str, Any]:
    told: dict[str, Any] = _run("trivy", "image", *TRIVY, *OF_IMAGES, *options, "--input", str(image.archive.resolve()), database=database)
    looked_at = told.get("Metadata", {}).get("ImageID")
    if looked_at != image.identity:
        raise ProbeError(f"trivy looked at the image {looked_at}, and not at {image.identity}.")
    return told


def _run(name: str, *arguments: str, database: VulnerabilityDatabase | None = None) -> Any:
    beside = Path(sys.executable).with_name(name)
    program = str(beside) if beside.is_file() else shutil.which(name)
    if program is None:
        raise NotProven(f"{name} is not installed. Try: make setup")
    with tempfile.TemporaryDirectory(prefix=f"votecheck-{name}-") as folder:
        if database:  # trivy writes beside it what it has seen of the image
            (Path(folder) / "db").symlink_to(database.folder.resolve())
        place = {"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "XDG_CONFIG_HOME": folder, "TRIVY_CACHE_DIR": folder}
        try:
            done = subprocess.run(  # noqa: S603 - one of two programs
                [program, *arguments], cwd=folder, env=place, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProbeError(f"{name} did not answer: {error}") from error
    try:
        return json.loads("" if done.returncode else done.stdout)
    except ValueError as error:
        said = " ".join(done.stderr.split())[-400:]
        raise ProbeError(f"{name} did not answer. It ended with {done.returncode} and said: {said}") from error
