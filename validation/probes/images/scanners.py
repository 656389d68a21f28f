"""Run two third-party scanners, hadolint and trivy, on the Dockerfiles and images, without a network.

Configuration files, environment variables and ignore comments in the Dockerfile have no effect on them.
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

from validation.core.environment import built
from validation.core.errors import NotProven, ProbeError
from validation.probes.images.inspection import Image

SECONDS = 300.0
MAX_AGE = timedelta(days=30)
"""An older database lacks the vulnerabilities of the last weeks, so a scan without findings proves nothing."""
TRIVY_OPTIONS = (
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
IMAGE_OPTIONS = ("--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-vex-repo-update", "--secret-config", "")


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue that a scanner reports.

    Attributes:
        rule: its id, such as DL3007, DS-0026 or CVE-2024-1234.
        severity: the scanner's severity.
        location: file and line, or package and version.
        title: one line of text.
        fixed_in: the version that fixes the vulnerability, if any.
    """

    rule: str
    severity: str
    location: str
    title: str
    fixed_in: str = ""

    def __str__(self) -> str:
        """Return the issue in one line."""
        fix = f"; fixed in {self.fixed_in}" if self.fixed_in else ""
        return f"{self.rule} ({self.severity.lower()}) {self.location}: {self.title}{fix}"


@dataclass(frozen=True, slots=True)
class VulnerabilityDatabase:
    """A trivy database of known vulnerabilities.

    Attributes:
        folder: the folder that contains trivy.db.
        updated: time of the last update.
    """

    folder: Path
    updated: datetime


def hadolint(dockerfile: Path) -> tuple[Issue, ...]:
    """Return the issues that hadolint reports for a Dockerfile.

    Raises:
        NotProven: hadolint is not installed.
        ProbeError: hadolint failed.
    """
    report = _run("hadolint", "--no-fail", "--disable-ignore-pragma", "--format", "json", str(dockerfile.resolve()))
    return tuple(Issue(r["code"], r["level"], f"{dockerfile.name}:{r['line']}", r["message"]) for r in report)


def trivy_dockerfile(dockerfile: Path) -> tuple[Issue, ...]:
    """Return the misconfigurations that trivy's built-in checks find in a Dockerfile.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: trivy failed, or did not recognize the file.
    """
    report = _run("trivy", "config", *TRIVY_OPTIONS, str(dockerfile.resolve()))
    results = [r for r in report.get("Results", []) if r.get("Type") == "dockerfile"]
    if not any(r["MisconfSummary"]["Successes"] for r in results):
        raise ProbeError(
            f"trivy did not recognize {dockerfile.name} as a Dockerfile.", "the file is empty or malformed", f"trivy config {dockerfile}"
        )
    return tuple(
        Issue(m["ID"], m["Severity"], f"{dockerfile.name}:{m.get('CauseMetadata', {}).get('StartLine', 1)}", m["Message"])
        for result in results
        for m in result.get("Misconfigurations", [])
    )


def trivy_secrets(image: Image) -> tuple[Issue, ...]:
    """Return the secrets that trivy finds in the layers and the configuration of an image.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: trivy failed, or scanned a different image.
    """
    report = _scan(image, "--scanners", "secret", "--image-config-scanners", "secret")
    return tuple(
        Issue(s["RuleID"], s["Severity"], f"{result['Target']}:{s.get('StartLine', 0)}", s["Title"])
        for result in report.get("Results", [])
        for s in result.get("Secrets", [])
    )


def trivy_vulnerabilities(image: Image, database: VulnerabilityDatabase) -> tuple[Issue, ...]:
    """Return the known vulnerabilities of an image's packages.

    Raises:
        NotProven: trivy is not installed.
        ProbeError: trivy failed, found no packages, or scanned a different image.
    """
    report = _scan(image, "--scanners", "vuln", "--list-all-pkgs", database=database)
    results = report.get("Results", [])
    if not any(result.get("Packages") for result in results):
        raise ProbeError(f"trivy found no packages in {image.name}.", "the image keeps no package list")
    return tuple(
        Issue(
            found["VulnerabilityID"],
            found.get("Severity", "UNKNOWN"),
            f"{found['PkgName']} {found['InstalledVersion']}",
            found.get("Title", "no title"),
            found.get("FixedVersion", ""),
        )
        for result in results
        for found in result.get("Vulnerabilities", [])
    )


def vulnerability_db(given: str) -> VulnerabilityDatabase:
    """Return the vulnerability database in a folder: trivy's cache folder or the `db` folder in it.

    Raises:
        NotProven: no folder was given, it contains no database, or the database is too old.
    """
    if not given:
        raise NotProven("No vulnerability database was given. Try: votecheck run --checkpoint B14 --vulnerability-db DIR")
    folder = next((f for f in (Path(given) / "db", Path(given)) if (f / "trivy.db").is_file()), None)
    if folder is None:
        raise NotProven(f"There is no trivy.db in {given}. Try: trivy image --download-db-only --cache-dir {given}")
    try:
        updated = datetime.fromisoformat(json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["UpdatedAt"])
        age = datetime.now(UTC) - updated
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotProven(
            f"The age of the vulnerability database in {folder} is unknown: {type(error).__name__}: {error}. "
            f"Try: trivy image --download-db-only --cache-dir {given}"
        ) from error
    if age > MAX_AGE:
        raise NotProven(
            f"The vulnerability database in {folder} is of {updated:%Y-%m-%d}, older than {MAX_AGE.days} days. "
            f"Try: trivy image --download-db-only --cache-dir {given}"
        )
    return VulnerabilityDatabase(folder, updated)


def _scan(image: Image, *options: str, database: VulnerabilityDatabase | None = None) -> dict[str, Any]:
    archive = str(image.archive.resolve())
    report: dict[str, Any] = _run("trivy", "image", *TRIVY_OPTIONS, *IMAGE_OPTIONS, *options, "--input", archive, database=database)
    scanned = report.get("Metadata", {}).get("ImageID")
    if scanned != image.identity:
        raise ProbeError(f"trivy scanned the image {scanned} instead of {image.identity}.", "the archive was replaced during the run")
    return report


def _run(name: str, *arguments: str, database: VulnerabilityDatabase | None = None) -> Any:
    installed = Path(sys.executable).with_name(name)
    program = str(installed) if installed.is_file() else shutil.which(name)
    if program is None:
        raise NotProven(f"{name} is not installed. Try: make setup")
    with tempfile.TemporaryDirectory(prefix=f"votecheck-{name}-") as folder:
        if database:  # trivy writes its scan cache next to it
            (Path(folder) / "db").symlink_to(database.folder.resolve())
        environment = built(PATH="/usr/bin:/bin", HOME=folder, TMPDIR=folder, XDG_CONFIG_HOME=folder, TRIVY_CACHE_DIR=folder)
        try:
            done = subprocess.run(  # noqa: S603 - one of two programs
                [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProbeError(f"{name} failed: {error}", next_command="make setup") from error
    try:
        return json.loads("" if done.returncode else done.stdout)
    except ValueError as error:
        output = " ".join(done.stderr.split())[-400:]
        raise ProbeError(f"{name} failed with exit code {done.returncode}: {output}") from error
