"""Render the chart as an upgrade does in a cluster that already has a Secret, without a cluster."""

import base64
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from validation.probes.chart.manifests import NAMESPACE, RELEASE, Manifest, Values, open_chart, parse, render_texts

LOOKUP = re.compile(r'\(lookup "v1" "Secret" (?P<namespace>\S+) (?P<name>\S+)\)')
"""The expression with which a template looks up a Secret in the cluster."""


def render_with_secret(chart_dir: Path, secret: str, entries: Mapping[str, str], values: Values | None = None) -> tuple[Manifest, ...]:
    """Render a copy of the chart in which looking up one Secret returns the given entries.

    `helm template` contacts no cluster, so every lookup returns nothing. Here the lookup of this Secret in its own namespace returns its
    entries. Other lookups still return nothing, and templates without a lookup render unchanged.

    Args:
        chart_dir: the chart.
        secret: namespace and name of the Secret, such as `voting-data/voting-secrets`.
        entries: content of the Secret, not encoded.
        values: values of the upgrade.

    Raises:
        ProbeError: helm cannot read the chart.
        RenderFailed: the chart cannot be rendered.
    """
    data = " ".join(f'"{key}" "{base64.b64encode(text.encode()).decode()}"' for key, text in entries.items())
    found = rf'(ternary (dict "data" (dict {data})) dict (eq (printf "%s/%s" \g<namespace> \g<name>) "{secret}"))'
    with tempfile.TemporaryDirectory(prefix="votecheck-kept-") as temporary:
        copy = Path(temporary) / "chart"
        shutil.copytree(chart_dir, copy)
        for file in (copy / "templates").rglob("*.yaml"):
            file.write_text(LOOKUP.sub(found, file.read_text(encoding="utf-8")), encoding="utf-8")
        with open_chart(copy) as chart:
            texts = render_texts(chart, values, release=RELEASE, namespace=NAMESPACE)
    return tuple(manifest for template, text in sorted(texts.items()) for manifest in parse(template, text))
