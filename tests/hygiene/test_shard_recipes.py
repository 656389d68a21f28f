"""The recipes that split work over machines: each part is asked for once, and what the pods print is what the next command reads."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from validation.core.settings import PROJECT
from validation.core.shards import Shard, parse
from validation.defects.results import read
from validation.probes.chart import kubernetes_schemas
from validation.probes.chart.manifests import Manifest

RECIPES = PROJECT / "docs" / "guides" / "ci"
JOB = yaml.safe_load((RECIPES / "defects-job.yaml").read_text(encoding="utf-8"))
SPEC = JOB["spec"]["template"]["spec"]
GUIDE = (PROJECT / "docs" / "guides" / "use-in-ci.md").read_text(encoding="utf-8")
PROOF = (
    '{"kind":"proof","defect":"D%s","bench":"here","digest":"d","outcome":"caught","detail":"","failed":["5.1"],"at":"now","seconds":1.0}'
)
VOTECHECK = f"""#!/bin/sh
echo "$@" >> "$HERE/asked"
mkdir -p "$HERE/results/defects"
echo '{PROOF}' | sed s/%s/$JOB_COMPLETION_INDEX/ > "$HERE/results/defects/results.jsonl"
echo "D$JOB_COMPLETION_INDEX  caught"
exit 1
"""
"""Prints and writes what a run of one defect does that survived, in place of hours of work."""


@pytest.mark.parametrize("version", kubernetes_schemas.VERSIONS)
def test_the_job_is_valid(version: str) -> None:
    assert kubernetes_schemas.schema_errors([Manifest("defects-job.yaml", JOB["kind"], JOB["metadata"]["name"], "", JOB)], version) == ()


def test_the_job_runs_one_pod_for_each_shard() -> None:
    (shards,) = [int(one["value"]) for one in SPEC["containers"][0]["env"] if one["name"] == "SHARDS"]
    assert JOB["spec"]["completionMode"] == "Indexed"
    assert JOB["spec"]["completions"] == JOB["spec"]["parallelism"] == JOB["spec"]["maxFailedIndexes"] == shards


def test_the_job_has_no_rights_that_it_does_not_need() -> None:
    container = SPEC["containers"][0]
    assert SPEC["automountServiceAccountToken"] is False
    assert SPEC["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def pod(folder: Path, index: int) -> subprocess.CompletedProcess[str]:
    """Run the command of a pod."""
    program = folder / ".venv" / "bin" / "votecheck"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(VOTECHECK, encoding="utf-8")
    program.chmod(0o755)
    command = [re.sub(r"(?<= )/results", f"{folder}/results", word) for word in SPEC["containers"][0]["command"]]
    env = {"PATH": os.environ["PATH"], "HERE": str(folder), "JOB_COMPLETION_INDEX": str(index), "SHARDS": "3"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_the_pods_ask_for_all_shards_and_their_logs_are_results(tmp_path: Path) -> None:
    ended = [pod(tmp_path, index) for index in range(3)]
    assert [one.returncode for one in ended] == [1, 1, 1], ended[0].stderr
    asked = re.findall(r"--shard (\S+)", (tmp_path / "asked").read_text(encoding="utf-8"))
    assert [parse(one, "") for one in asked] == [Shard(1, 3), Shard(2, 3), Shard(3, 3)]
    (only,) = re.findall(r"grep '(\S+)'", GUIDE)
    lines = [line for one in ended for line in one.stdout.splitlines() if re.search(only, line)]
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [line.defect for line in read(tmp_path / "results.jsonl")] == ["D0", "D1", "D2"]


def test_the_image_of_the_job_is_the_one_that_the_guide_builds() -> None:
    image = f"docker.io/library/{SPEC['containers'][0]['image']}"  # what Kubernetes reads into a name without a registry
    dockerfile = RECIPES / "defects.Dockerfile"
    assert f"--file {dockerfile.relative_to(PROJECT)} --tag {image} ." in GUIDE
    assert image in dockerfile.read_text(encoding="utf-8").splitlines()[1]


def test_the_matrix_asks_for_each_shard_once() -> None:
    workflow: dict[str, Any] = yaml.safe_load((RECIPES / "github-actions-shards.yml").read_text(encoding="utf-8"))
    numbers = workflow["jobs"]["shard"]["strategy"]["matrix"]["shard"]
    (of,) = re.findall(r"--shard \${{ matrix.shard }}/(\d+)", str(workflow))
    assert numbers == list(range(1, int(of) + 1))
    assert workflow["jobs"]["merge"]["needs"] == "shard"
