"""Steps about the images that the chart's containers run, and the memory that their pods request."""

from pathlib import Path
from typing import Any

import yaml
from pytest_bdd import parsers, then, when

from features.support.chart import containers, place_of, render
from validation.probes.chart import values
from validation.probes.chart.manifests import Manifest
from validation.probes.chart.trials.workable import amount
from validation.probes.chart.workloads import workloads
from validation.record.observe import Observe

IMAGES = ("api", "consumer", "redis", "postgres")
WITHOUT_A_TAG = ("api", "consumer")
"""The images whose tag may be empty."""
TAG, DIGEST = "9.9.9-{image}", "sha256:" + "ab12" * 16
MEBIBYTE = 2**20
LIMIT_MEBIBYTES = 2048
REMEDY = "the image helper in chart/templates/_helpers.tpl"


@when(parsers.re(r"the chart is rendered with (?P<tag>a tag|no tag) and (?P<digest>a digest|no digest) of each image"),
      target_fixture="rendered")  # fmt: skip
def rendered_with_references(chart: Path, tag: str, digest: str, observe: Observe) -> tuple[Manifest, ...]:
    given: dict[str, Any] = {image: {"digest": DIGEST if digest == "a digest" else ""} for image in IMAGES}
    for image in IMAGES if tag == "a tag" else WITHOUT_A_TAG:
        given[image]["tag"] = TAG.format(image=image) if tag == "a tag" else ""
    return render(chart, {"images": given}, observe)


@then(parsers.re(r"every container runs its image of (?P<reference>this tag|this digest|the chart's appVersion)"))
def run_the_references(rendered: tuple[Manifest, ...], chart: Path, reference: str, observe: Observe) -> None:
    images = {str(one["repository"]): name for name, one in values.merged(chart)["images"].items() if name in IMAGES}
    version = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    ends = {"this tag": ":" + TAG, "this digest": "@" + DIGEST, "the chart's appVersion": f":{version}"}
    run = {place_of(w, c): (images.get(_repository(c.image), ""), c.image) for w, c in containers(rendered)}
    compared = {name: one for name, one in run.items() if reference != "the chart's appVersion" or one[0] in WITHOUT_A_TAG}
    with observe.together():
        observe("containers", expected="at least 4", observed=len(compared), holds=len(compared) >= 4)  # noqa: PLR2004 - API, consumer, migration, test
        for place, (image, full) in compared.items():
            end = ends[reference].format(image=image)
            observe(
                f"image of {place}", expected=f"ends with {end}", observed=full, holds=bool(image) and full.endswith(end), remedy=REMEDY
            )


@then("its pods request at most 2 GiB of memory, while those that are replaced still run beside the migration and the test")
def requested_memory(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    requested = {}
    for workload in workloads(rendered):
        pods = workload.manifest.body["spec"].get("replicas", 1) * (2 if workload.manifest.kind == "Deployment" else 1)
        each = sum(amount(container.resources["requests"]["memory"]) for container in workload.containers)
        requested[f"{workload.manifest.kind} {workload.manifest.name}"] = round(pods * each / MEBIBYTE)
    total = sum(requested.values())
    with observe.together():
        observe("workloads that request memory", expected="at least 6", observed=len(requested), holds=len(requested) >= 6)  # noqa: PLR2004
        observe("requested MiB", expected=f"at most {LIMIT_MEBIBYTES}", observed=total, holds=0 < total <= LIMIT_MEBIBYTES,
                evidence=requested, remedy="chart/values.yaml, or the sum in chart/README.md")  # fmt: skip


def _repository(image: str) -> str:
    """Return an image without its tag and digest."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
