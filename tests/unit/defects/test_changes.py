import subprocess
from pathlib import Path

import pytest

from validation.core.errors import UsageError
from validation.defects import catalogue
from validation.defects.catalogue import Change, Defect, Images, Load
from validation.defects.changes import Changes, affected, affects_all, changes_since, entries
from validation.defects.feature_inputs import Inputs, read_inputs, read_module, tags_in
from validation.defects.proving.bench import HERE, Bench
from validation.registry.checkpoints import registry

A = Defect("D1", "A", "", "chart", ("4.1",), (Change("chart/a.yaml", "x", "y"),))
B = Defect("D2", "B", "", "source", ("B3", "5.1"), (Change("system/b.py", "x", "y"),), cluster_checkpoints=("B19",))
LOAD = Defect("D3", "L", "", "source", (), (Change("system/l.py", "x", "y"),), load=Load("baseline", 1, 1, ("vote, p99",)))
IMAGE = Defect("D4", "I", "", "image", ("1.1",), (Change("system/i.py", "x", "y"),), images=Images.BUILT)
SOME = (A, B, LOAD, IMAGE)
ENTRIES = {one.id: {"id": one.id, "title": one.title} for one in SOME}
INPUTS = Inputs(
    tags={
        "features/protocol/4.feature": frozenset({"cp_4_1"}),
        "features/protocol/5.feature": frozenset({"cp_5_1"}),
        "features/beyond/live.feature": frozenset({"cp_b19"}),
    },
    modules={
        "features/protocol/4.feature": frozenset({"features/steps/chart/rendering.py"}),
        "features/protocol/5.feature": frozenset({"features/steps/votes/casting.py", "features/support/parts.py"}),
    },
    alone=frozenset({"features/steps/chart/rendering.py", "features/steps/votes/casting.py"}),
)


def why(
    *files: str, before: dict[str, object] | None = None, features: dict[str, str] | None = None, bench: Bench = HERE
) -> dict[str, str]:
    changes = Changes(frozenset(files), ENTRIES if before is None else before, features or {})
    return affected(SOME, changes, bench, INPUTS, ENTRIES)


def test_nothing_changed_affects_nothing() -> None:
    assert why() == {}


@pytest.mark.parametrize("file", ["docs/guides/load.md", "README.md", "system/other.py", "chart/values.yaml", "tests/unit/test_x.py"])
def test_a_file_that_neither_a_defect_nor_the_harness_uses_affects_nothing(file: str) -> None:
    assert why(file) == {}


def test_a_file_that_a_defect_changes_affects_it() -> None:
    assert why("system/b.py", "README.md") == {"D2": "system/b.py changed"}


def test_an_entry_that_is_new_or_changed_affects_its_defect() -> None:
    assert why(before={**ENTRIES, "D1": {"id": "D1", "title": "Old"}}) == {"D1": "its entry changed"}
    assert why(before={k: v for k, v in ENTRIES.items() if k != "D4"}) == {"D4": "its entry is new"}
    assert set(why(before={})) == {"D1", "D2", "D3", "D4"}


def test_a_feature_file_affects_the_defects_of_its_checkpoints() -> None:
    assert why("features/protocol/5.feature") == {"D2": "features/protocol/5.feature changed"}


def test_a_feature_file_also_affects_the_checkpoints_that_it_had_before() -> None:
    gone = {"features/protocol/old.feature": "Feature: F\n  @cp_4_1\n  Rule: R\n    Scenario: it was here\n      Given a step\n"}
    assert why("features/protocol/old.feature", features=gone) == {"D1": "features/protocol/old.feature changed"}


def test_a_step_module_affects_the_defects_of_the_features_that_use_it() -> None:
    assert why("features/steps/votes/casting.py") == {"D2": "features/steps/votes/casting.py changed"}


@pytest.mark.parametrize(
    "file",
    [
        "features/support/parts.py",
        "features/steps/gone.py",
        "features/test_features.py",
        "conftest.py",
        "pyproject.toml",
        "requirements.txt",
        "validation/core/waiting.py",
        "validation/registry/checkpoints.toml",
        "validation/probes/running/http.py",
        "validation/report/results_json.py",
    ],
)
def test_a_file_that_every_result_depends_on_affects_every_defect(file: str) -> None:
    assert why(file) == dict.fromkeys(ENTRIES, f"{file} changed, on which every result depends")


@pytest.mark.parametrize(
    "file",
    [
        "validation/defects/defects.toml",
        "validation/defects/matrix/redundant_steps.toml",
        "validation/report/html.py",
        "validation/report/page.css",
        "validation/x.md",
    ],
)
def test_files_that_only_render_and_the_catalogue_itself_do_not(file: str) -> None:
    assert not affects_all(file, INPUTS)


def test_a_defect_of_the_harness_depends_on_the_tests() -> None:
    harness = Defect("D1", "H", "", "harness", (), (Change("validation/a.py", "x", "y"),), tests=("tests/unit/test_a.py::test_it",))
    found = affected([harness, B], Changes(frozenset({"tests/unit/conftest.py"}), ENTRIES, {}), HERE, INPUTS, ENTRIES)
    assert found == {"D1": "tests/unit/conftest.py changed"}


def test_load_and_images_depend_on_their_own_folders() -> None:
    assert why("loadtests/users.py") == {"D3": "loadtests/users.py changed"}
    assert why("system/images/api.Dockerfile") == {"D4": "system/images/api.Dockerfile changed"}


def test_in_a_cluster_the_cluster_checkpoints_count() -> None:
    assert why("features/beyond/live.feature") == {}
    assert why("features/beyond/live.feature", bench=Bench(())) == {"D2": "features/beyond/live.feature changed"}


def test_a_catalogue_that_cannot_be_read_has_no_entries() -> None:
    assert entries("no [ toml") == {}
    assert entries("") == {}
    assert entries('[[defect]]\ntitle = "without id"') == {}


def git(folder: Path, *words: str) -> None:
    config = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *config, *words], cwd=folder, check=True, capture_output=True)


FEATURE = "Feature: F\n  @{}\n  Rule: R\n    Scenario: S\n      Given a step\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository."""
    folder = tmp_path / "a project"
    (folder / "validation/defects").mkdir(parents=True)
    (folder / "features").mkdir()
    (folder / "validation/defects/defects.toml").write_text('[[defect]]\nid = "D1"\ntitle = "old"\n', encoding="utf-8")
    for name in ("same.py", "changed.py", "gone.py", "moved.py", "features/x.feature"):
        (folder / name).write_text(FEATURE.format("cp_5_1") if name.endswith(".feature") else f"# {name}\n" * 5, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return folder


def test_changes_since_a_ref_come_from_git(project: Path) -> None:
    (project / "changed.py").write_text("other\n", encoding="utf-8")
    (project / "gone.py").unlink()
    (project / "moved.py").rename(project / "mövéd.py")
    (project / "features/x.feature").write_text(FEATURE.format("cp_5_2"), encoding="utf-8")
    (project.parent / "outside.py").write_text("x", encoding="utf-8")
    found = changes_since("HEAD", project)
    assert found.files == {"changed.py", "gone.py", "moved.py", "mövéd.py", "features/x.feature"}
    assert tags_in(found.features["features/x.feature"]) == {"cp_5_1"}
    assert found.entries == {"D1": {"id": "D1", "title": "old"}}


@pytest.mark.parametrize("ref", ["nope", "--help", "HEAD:validation", ""])
def test_an_unknown_ref_is_a_usage_error(project: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="git does not know a commit"):
        changes_since(ref, project)


def test_a_project_outside_a_repository_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in a git repository"):
        changes_since("HEAD", tmp_path)


def test_a_missing_git_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="is not in a git repository"):
        changes_since("HEAD", tmp_path)


def test_a_text_that_is_not_gherkin_has_no_tags() -> None:
    assert tags_in("@cp_5_1\nGiven a step\n") == tags_in("") == frozenset()


def test_a_step_module_is_read_without_running_it() -> None:
    module = read_module("""
from features.support.parts import server

@pytest.fixture
def store(portal): ...

@given("votes flow")
@when(parsers.parse("a voter votes for {option:w} twice"))
@then(parsers.re(r"(?P<part>Redis|the API) is back"))
def step(stream, request):
    request.getfixturevalue("place")
""")
    texts = ("votes flow", "a voter votes for cats twice", "the API is back", "no such step")
    assert [sum(bool(p.fullmatch(text)) for p in module.patterns) for text in texts] == [1, 1, 1, 0]
    assert module.fixtures == {"store"}
    assert {"portal", "stream", "place"} <= module.requests
    assert "features.support.parts" in module.imports
    assert not module.autouse


def test_an_unreadable_step_text_counts_as_used_and_a_shared_module_is_not_alone(tmp_path: Path) -> None:
    steps = tmp_path / "features/steps"
    steps.mkdir(parents=True)
    (tmp_path / "features/protocol").mkdir()
    for name, text in (
        ("plain", '@given("it is plain")\ndef f(store): ...'),
        ("variable", "@when(TEXT)\ndef f(): ..."),
        ("lends", "@pytest.fixture\ndef store(): ..."),
        ("imported", '@given("x")\ndef f(): ...'),
        ("imports", "from features.steps import imported"),
        ("always", "@pytest.fixture(autouse=True)\ndef begin(): ..."),
    ):
        (steps / f"{name}.py").write_text(text, encoding="utf-8")
    feature = "@cp_1_1\nFeature: F\n  Scenario: S\n    Given it is plain\n"
    (tmp_path / "features/protocol/1.feature").write_text(feature, encoding="utf-8")
    (tmp_path / "features/protocol/2.feature").write_text(f"{feature}    When no literal matches\n", encoding="utf-8")
    inputs = read_inputs(tmp_path)
    assert inputs.modules["features/protocol/1.feature"] == {"features/steps/plain.py"}
    assert inputs.modules["features/protocol/2.feature"] == {"features/steps/plain.py", "features/steps/variable.py"}
    assert inputs.alone == {f"features/steps/{name}.py" for name in ("plain", "variable", "imports")}


def test_each_checkpoint_of_the_catalogue_depends_on_a_feature_and_on_steps() -> None:
    inputs = read_inputs()
    for defect in catalogue.catalogue().values():
        for checkpoint in (*defect.checkpoints, *defect.cluster_checkpoints):
            files = [file for file, tags in inputs.tags.items() if registry()[checkpoint].mark in tags]
            assert files, checkpoint
            assert all(inputs.modules[file] for file in files)
