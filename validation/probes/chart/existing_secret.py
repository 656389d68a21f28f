"""Which passwords the chart gives its servers where the cluster has some already: an upgrade, without a cluster."""

import base64
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from validation.probes.chart.manifests import NAMESPACE, RELEASE, Manifest, Values, open_chart, parse, render_texts

QUESTION = re.compile(r'\(lookup "v1" "Secret" (?P<namespace>\S+) (?P<name>\S+)\)')
"""How a template asks the cluster for a Secret."""


def render_with_secret(chart_dir: Path, secret: str, kept: Mapping[str, str], values: Values | None = None) -> tuple[Manifest, ...]:
    """Render a copy of the chart in which each question for a Secret has the answer of a cluster that has one.

    `helm template` asks no cluster and answers every question with nothing. Here the question for the one Secret, in its own namespace, is
    answered with what was kept; any other question still is with nothing, and a template that does not ask is rendered as it is.

    Args:
        chart_dir: the chart.
        secret: namespace and name of the Secret, `voting-data/voting-secrets`.
        kept: its keys and what they hold.
        values: as an upgrade gives them.

    Raises:
        ProbeError: helm cannot read the chart.
        RenderFailed: the chart cannot be rendered.
    """
    data = " ".join(f'"{key}" "{base64.b64encode(text.encode()).decode()}"' for key, text in kept.items())
    answer = rf'(ternary (dict "data" (dict {data})) dict (eq (printf "%s/%s" \g<namespace> \g<name>) "{secret}"))'
    with tempfile.TemporaryDirectory(prefix="votecheck-kept-") as temporary:
        copy = Path(temporary) / "chart"
        shutil.copytree(chart_dir, copy)
        for file in (copy / "templates").rglob("*.yaml"):
            file.write_text(QUESTION.sub(answer, file.read_text(encoding="utf-8")), encoding="utf-8")
        with open_chart(copy) as chart:
            texts = render_texts(chart, values, release=RELEASE, namespace=NAMESPACE)
    return tuple(manifest for template, text in sorted(texts.items()) for manifest in parse(template, text))
