"""What a pack contains: the run's folder, the proofs of the harness, the waivers, and what the chart of the run renders."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from validation.core.errors import HarnessError, UsageError
from validation.core.settings import PROJECT
from validation.defects.proofs import PROOFS
from validation.policies.declared import format_table
from validation.probes.chart.manifests import RenderFailed, open_chart, parse, render_texts
from validation.probes.chart.network_policies import policies, topology
from validation.record.subject import read_subject
from validation.record.verdicts import Run
from validation.report.across import openapi
from validation.report.across.differences import MANIFESTS, NETWORK

PROOFS_FILE = "proofs.jsonl"
VALUES = "chart/values.yaml"
BYTES_MAX = 512 * 2**20
"""The largest pack. A run's own folder is bounded far below."""


def contents(run: Run, folder: Path, source: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a pack by their path, and what it lacks, one sentence each.

    Args:
        run: the run.
        folder: the run's folder.
        source: the source that the run validated.

    Raises:
        UsageError: the folder holds more than a pack may.
    """
    files = {f"{run.started.run}/{name}": content for name, content in _of_run(folder)}
    files[PROOFS_FILE] = (PROJECT / PROOFS).read_bytes()
    missing = []
    rendered, why = _of_chart(run, source)
    files |= rendered
    missing += [why] if why else []
    if not any("sbom-" in name for name in files):
        missing.append("No SBOM: no image was looked at. Targets with images: containers, cluster.")
    if f"{run.started.run}/{openapi.FILE}" not in files:
        missing.append("No OpenAPI description: checkpoint 2.1 did not run.")
    if not run.subject.images:
        missing.append("No image digest: nothing ran from images.")
    return files, missing


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file in hexadecimal digits."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _of_run(folder: Path) -> Iterator[tuple[str, bytes]]:
    left = BYTES_MAX
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        left -= file.stat().st_size
        if left < 0:
            raise UsageError(f"{folder} holds more than {BYTES_MAX // 2**20} MiB.", "files that no run writes", f"du -a {folder}")
        yield file.relative_to(folder).as_posix(), file.read_bytes()


def _of_chart(run: Run, source: Path) -> tuple[dict[str, bytes], str]:
    """Return the chart's files, or why they are left out."""
    if read_subject(source, PROJECT).digests.get("chart") != run.subject.digests.get("chart"):
        return {}, f"No rendered chart: {source / 'chart'} has changed since the run."
    try:
        with open_chart(source / "chart") as chart:
            texts = render_texts(chart)
    except (RenderFailed, HarnessError) as error:
        return {}, f"No rendered chart: {error}"
    manifests = [manifest for template, text in sorted(texts.items()) for manifest in parse(template, text)]
    secret = {manifest.template for manifest in manifests if manifest.kind == "Secret"}
    shown = [
        f"# Source: {name}\n{'# Left out: it holds passwords.' if name in secret else texts[name].strip()}\n" for name in sorted(texts)
    ]
    values = (source / "chart" / "values.yaml").read_bytes()
    found = topology(manifests, yaml.safe_load(values))
    table = format_table(found.in_scope, found.allowed_by(policies(manifests)))
    return {MANIFESTS: "---\n".join(shown).encode(), NETWORK: f"{table}\n".encode(), VALUES: values}, ""
