"""What else changed between two runs, and what nobody compared."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.unit.load import example
from tests.unit.report.conftest import SUBJECT
from validation.core.settings import PROJECT
from validation.load.compare import noise, noise_file
from validation.load.held import compare_held
from validation.load.report.write import write
from validation.record.events import Measured
from validation.report.across.differences import not_compared, sections, sections_of_packs, sections_of_runs
from validation.report.diff import as_data, compare
from validation.report.model import load

SECONDS = 120.0


@pytest.fixture
def pair(new_record: Callable[[str], Any]) -> tuple[Path, Path]:
    """Two runs: an image grew, a fact is no longer observed, another is new, and a measurement doubled."""
    folders = []
    for number, (size, subject, p99) in enumerate((("61 MB", "status", 0.2), ("75 MB", "length", 0.4))):
        record = new_record(f"2026112{number}-090000-000{number}")
        record.start(["2.5", "5.1"], target="containers", flags=["--quick"] * number)
        record.scenario("2.5", ("the size of the api image", size, size), fidelity="image")
        record.scenario("5.1", (subject, "201", "201"), ("id of the vote", size, size), fidelity="local")
        record.emit(Measured("vote to result, p99", p99, "s"))
        folders.append(record.end())
    return folders[0], folders[1]


def found(pair: tuple[Path, Path]) -> dict[str, list[str]]:
    return sections(*map(load, pair))


def test_observations_that_came_and_went_are_named(pair: tuple[Path, Path]) -> None:
    assert found(pair)["Observations"] == [
        "2.5  the size of the api image: 61 MB → 75 MB",
        "5.1  no longer observed: status (It holds)",
        "5.1  newly observed: length (It holds)",
    ]


def test_measurements_and_settings_are_compared(pair: tuple[Path, Path]) -> None:
    assert found(pair)["Measurements"] == ["vote to result, p99: 0.2 → 0.4 s  (+100 %)"]
    assert found(pair)["Settings"] == ["options: none → --quick"]


def test_a_run_does_not_differ_from_itself(pair: tuple[Path, Path]) -> None:
    assert not any(found((pair[0], pair[0])).values())
    assert "No differences." in compare(pair[0], pair[0])


def test_another_subject_is_named(pair: tuple[Path, Path]) -> None:
    one, other = map(load, pair)
    changed = structs.replace(one.subject, commit="f" * 40, digests=SUBJECT.digests | {"system": "sha256:" + "0" * 64})
    other = replace(other, subject=changed)
    (commit, system) = sections(one, other)["Subject"]
    assert commit.startswith("commit: ")
    assert system.startswith("system: sha256:")
    assert system.endswith("then sha256:000000000000")


def test_what_was_not_compared_is_said(pair: tuple[Path, Path]) -> None:
    missing = not_compared(*map(load, pair))
    assert [one.partition(":")[0] for one in missing] == ["rendered chart", "network table", "OpenAPI description", "image packages"]
    assert compare(*pair).endswith("load: votecheck load compare")
    assert as_data(*pair)["not_compared"] == [*missing, "load: votecheck load compare"]
    assert as_data(*pair)["measurements"] == found(pair)["Measurements"]


def test_packs_have_the_chart_and_the_network_table(pair: tuple[Path, Path], tmp_path: Path) -> None:
    packed = []
    for number, folder in enumerate(pair):
        packed.append(Path(shutil.copytree(folder, tmp_path / f"pack-{number}" / folder.name)))
        (packed[-1].parent / "chart").mkdir()
        (packed[-1].parent / "chart" / "manifests.yaml").write_text(f"kind: Pod\nreplicas: {number}\n")
        (packed[-1].parent / "chart" / "network.txt").write_text("api -> redis\n")
    one, other = packed
    assert sections_of_packs(one, other) == {"Rendered chart": ["-replicas: 0", "+replicas: 1"], "Network table": []}
    assert "\nRendered chart\n  -replicas: 0\n  +replicas: 1\n" in compare(one, other)
    assert "rendered chart:" not in compare(one, other)


DESCRIPTION = {
    "paths": {
        "/api/vote": {
            "post": {
                "parameters": [{"in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "description": "for people"}}],
                "requestBody": {"content": {"application/json": {"schema": {"properties": {"option": {"enum": ["cats", "dogs"]}}}}}},
                "responses": {"201": {}, "429": {"headers": {"Retry-After": {}}}},
            }
        },
        "/health": {"get": {"responses": {"200": {}}}},
    },
    "components": {"schemas": {"Accepted": {"required": ["vote_id"], "properties": {"vote_id": {"type": "string"}}}}},
}


def describe(folders: tuple[Path, Path], change: Callable[[Any], object]) -> None:
    changed = json.loads(json.dumps(DESCRIPTION))
    change(changed)
    for folder, document in zip(folders, (DESCRIPTION, changed), strict=True):
        (folder / "openapi.json").write_text(json.dumps(document))


CHANGES: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "a path": (lambda d: d["paths"].pop("/health"), ["removed: GET /health", "removed: GET /health, status 200"]),
    "a method": (
        lambda d: d["paths"]["/health"].update(head={"responses": {}}),
        ["added: HEAD /health"],
    ),
    "a status": (
        lambda d: d["paths"]["/api/vote"]["post"]["responses"].pop("429"),
        ["removed: POST /api/vote, status 429", "removed: POST /api/vote, status 429, header Retry-After"],
    ),
    "a parameter": (
        lambda d: d["paths"]["/api/vote"]["post"]["parameters"][0].update(required=True),
        [
            'POST /api/vote, header parameter Idempotency-Key: optional, {"type": "string"} → required, {"type": "string"}',
        ],
    ),
    "a field of the request": (
        lambda d: d["paths"]["/api/vote"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"].update(more={}),
        ["added: POST /api/vote, body application/json, field more"],
    ),
    "a field of a response": (
        lambda d: d["components"]["schemas"]["Accepted"]["properties"]["vote_id"].update(type="integer"),
        ['Accepted, field vote_id: required, {"type": "string"} → required, {"type": "integer"}'],
    ),
    "only a text for people": (
        lambda d: d["paths"]["/api/vote"]["post"]["parameters"][0]["schema"].update(description="other words"),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_the_openapi_description_is_compared(what: str, pair: tuple[Path, Path]) -> None:
    change, expected = CHANGES[what]
    describe(pair, change)
    assert sections_of_runs(*pair) == {"OpenAPI description": expected}
    assert "OpenAPI description:" not in compare(*pair)
    assert all(line in compare(*pair) for line in expected)


@pytest.mark.parametrize("broken", ["{", "[]", '{"paths": {"/": {"get": {}}}}', '{"paths": 1}'])
def test_a_description_that_cannot_be_read_is_said(broken: str, pair: tuple[Path, Path]) -> None:
    describe(pair, lambda d: d)
    (pair[1] / "openapi.json").write_text(broken)
    (line,) = sections_of_runs(*pair)["OpenAPI description"]
    assert line.startswith("cannot be compared: ")


def sbom(**versions: str) -> str:
    return json.dumps({"components": [{"name": n, "version": v, "purl": f"pkg:deb/debian/{n}@{v}"} for n, v in versions.items()]})


def test_the_packages_of_images_are_compared(pair: tuple[Path, Path]) -> None:
    for folder, api in zip(pair, (sbom(openssl="3.0.1", zlib="1"), sbom(openssl="3.0.2", curl="8")), strict=True):
        (folder / "sbom-api.json").write_text(api)
        (folder / "sbom-consumer.json").write_text(sbom(zlib="1"))
    assert sections_of_runs(*pair) == {
        "Image packages": ["api: curl (deb): none → 8", "api: openssl (deb): 3.0.1 → 3.0.2", "api: zlib (deb): 1 → none"]
    }
    assert "\nImage packages\n  api: curl (deb): none → 8\n" in compare(*pair)
    assert "image packages:" not in compare(*pair)


def loaded(folder: Path, **changed: Any) -> None:
    (folder / "load").mkdir()
    write(folder / "load", structs.replace(example.result(), **changed))


def test_the_load_runs_that_two_runs_hold_are_compared(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert compare_held(*pair, tmp_path).missing.startswith("not both runs hold one load run")
    first = example.result()
    slower = [structs.replace(one, p50=one.p50 * 3) for one in first.latencies]
    loaded(pair[0])
    loaded(pair[1], latencies=slower)
    assert "votecheck load noise" in compare_held(*pair, tmp_path).missing
    file = noise_file(tmp_path, first)
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(noise([first] * 4)))
    found = compare_held(*pair, tmp_path)
    assert found.missing == ""
    assert len(found.lines) == len(slower)
    assert all(line.endswith("worse") for line in found.lines)
    assert f"\nLoad\n  {found.lines[0]}" in compare(*pair, found)
    assert "load: " not in compare(*pair, found)


def test_load_runs_of_different_scenarios_are_not_compared(pair: tuple[Path, Path], tmp_path: Path) -> None:
    loaded(pair[0])
    loaded(pair[1], scenario="other")
    file = noise_file(tmp_path, structs.replace(example.result(), scenario="other"))
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(noise([example.result()] * 4)))
    assert "cannot be compared" in compare_held(*pair, tmp_path).missing


def test_the_command_opens_packs(tmp_path: Path) -> None:
    def votecheck(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "validation", *arguments]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=SECONDS, check=False)

    reports = ("--reports", str(tmp_path / "reports"))
    assert votecheck("run", "--checkpoint", "8.3", *reports).returncode == 4
    made = votecheck("bundle", *reports)
    assert made.returncode == 0, made.stderr
    (archive,) = tmp_path.rglob("*.tar.gz")
    ended = votecheck("diff", str(archive), str(archive))
    assert "No differences." in ended.stdout, ended.stderr
    assert "rendered chart:" not in ended.stdout
    seen = votecheck("history", str(archive.parent))
    assert seen.stdout.startswith("1 run: 1 PARTIAL"), seen.stderr
