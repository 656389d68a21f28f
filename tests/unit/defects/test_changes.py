import subprocess
from pathlib import Path

import pytest

from validation.core.errors import UsageError
from validation.defects import catalogue
from validation.defects.catalogue import Change, Defect, Load
from validation.defects.changes import Changes, affected, changes_since, entries, judges_all
from validation.defects.feature_inputs import Uses, marks_in, read_module, read_uses, steps_in
from validation.defects.planted_images import Images
from validation.defects.proving import HERE, Bench
from validation.registry.checkpoints import registry

A = Defect("D1", "A", "", "chart", ("4.1",), (Change("chart/a.yaml", "x", "y"),))
B = Defect("D2", "B", "", "source", ("B3", "5.1"), (Change("system/b.py", "x", "y"),), cluster_checkpoints=("B19",))
LOAD = Defect("D3", "L", "", "source", (), (Change("system/l.py", "x", "y"),), load=Load("baseline", 1, 1, ("vote, p99",)))
IMAGE = Defect("D4", "I", "", "image", ("1.1",), (Change("system/i.py", "x", "y"),), images=Images.BUILT)
SOME = (A, B, LOAD, IMAGE)
ENTRIES = {one.id: {"id": one.id, "title": one.title} for one in SOME}
USES = Uses(
    marks={
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
    return affected(SOME, changes, bench, USES, ENTRIES)


def test_nothing_changed_affects_nothing() -> None:
    assert why() == {}


@pytest.mark.parametrize("file", ["docs/guides/load.md", "README.md", "system/other.py", "chart/values.yaml", "tests/unit/test_x.py"])
def test_a_file_that_no_defect_changes_and_nothing_judges_with_affects_nothing(file: str) -> None:
    assert why(file) == {}


def test_a_file_that_a_defect_changes_affects_it() -> None:
    assert why("system/b.py", "README.md") == {"D2": "system/b.py changed"}


def test_an_entry_that_is_new_or_changed_affects_its_defect() -> None:
    assert why(before={**ENTRIES, "D1": {"id": "D1", "title": "Old"}}) == {"D1": "its entry changed"}
    assert why(before={k: v for k, v in ENTRIES.items() if k != "D4"}) == {"D4": "its entry is new"}
    assert set(why(before={})) == {"D1", "D2", "D3", "D4"}


def test_a_feature_file_affects_the_defects_of_its_checkpoints() -> None:
    assert why("features/protocol/5.feature") == {"D2": "features/protocol/5.feature changed"}


def test_a_feature_file_affects_what_it_judged_before_too() -> None:
    gone = {"features/protocol/old.feature": "  @cp_4_1\n  Rule: it was here"}
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
def test_what_everything_is_judged_with_affects_everything(file: str) -> None:
    assert why(file) == dict.fromkeys(ENTRIES, f"{file} changed, which everything is judged with")


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
def test_what_only_draws_or_is_looked_at_by_the_entry_does_not(file: str) -> None:
    assert not judges_all(file, USES)


def test_a_defect_of_the_judge_rests_on_the_tests() -> None:
    judge = Defect("D1", "J", "", "harness", (), (Change("validation/a.py", "x", "y"),), tests=("tests/unit/test_a.py::test_it",))
    found = affected([judge, B], Changes(frozenset({"tests/unit/conftest.py"}), ENTRIES, {}), HERE, USES, ENTRIES)
    assert found == {"D1": "tests/unit/conftest.py changed"}


def test_load_and_images_rest_on_their_own_folders() -> None:
    assert why("loadtests/users.py") == {"D3": "loadtests/users.py changed"}
    assert why("system/images/api.Dockerfile") == {"D4": "system/images/api.Dockerfile changed"}


def test_in_a_cluster_the_checkpoints_of_a_cluster_count() -> None:
    assert why("features/beyond/live.feature") == {}
    assert why("features/beyond/live.feature", bench=Bench(())) == {"D2": "features/beyond/live.feature changed"}


def test_a_catalogue_that_cannot_be_read_has_no_entries() -> None:
    assert entries("no [ toml") == {}
    assert entries("") == {}
    assert entries('[[defect]]\ntitle = "without id"') == {}


def git(folder: Path, *words: str) -> None:
    config = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *config, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository."""
    folder = tmp_path / "a project"
    (folder / "validation/defects").mkdir(parents=True)
    (folder / "features").mkdir()
    (folder / "validation/defects/defects.toml").write_text('[[defect]]\nid = "D1"\ntitle = "old"\n', encoding="utf-8")
    for name in ("same.py", "changed.py", "gone.py", "moved.py", "features/x.feature"):
        (folder / name).write_text(f"# {name} @cp_5_1\n" * 5, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return folder


def test_git_tells_what_changed_since_a_ref(project: Path) -> None:
    (project / "changed.py").write_text("other\n", encoding="utf-8")
    (project / "gone.py").unlink()
    (project / "moved.py").rename(project / "mövéd.py")
    (project / "features/x.feature").write_text("@cp_5_2\n", encoding="utf-8")
    (project.parent / "outside.py").write_text("x", encoding="utf-8")
    found = changes_since("HEAD", project)
    assert found.files == {"changed.py", "gone.py", "moved.py", "mövéd.py", "features/x.feature"}
    assert marks_in(found.features["features/x.feature"]) == {"cp_5_1"}
    assert found.entries == {"D1": {"id": "D1", "title": "old"}}


@pytest.mark.parametrize("ref", ["nope", "--help", "HEAD:validation", ""])
def test_a_ref_that_git_does_not_know_is_wrong_usage(project: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="git knows no commit"):
        changes_since(ref, project)


def test_no_repository_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is in no git repository"):
        changes_since("HEAD", tmp_path)


def test_no_git_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="is in no git repository"):
        changes_since("HEAD", tmp_path)


def test_an_outlines_step_has_the_texts_of_its_rows() -> None:
    text = """
      Given votes flow
      When <part> <what>
      Then <other> stays as it is

      Examples:
        | part  | what      |
        | Redis | is killed |
        | one   | is frozen |
    """
    assert [set(step) for step in steps_in(text)] == [{"votes flow"}, {"Redis is killed", "one is frozen"}, {"<other> stays as it is"}]


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
    texts = ("votes flow", "a voter votes for cats twice", "the API is back", "nothing of it")
    assert [sum(bool(p.fullmatch(text)) for p in module.fits) for text in texts] == [1, 1, 1, 0]
    assert module.fixtures == {"store"}
    assert {"portal", "stream", "place"} <= module.asks
    assert "features.support.parts" in module.imports
    assert not module.everywhere


def test_what_cannot_be_read_is_held_to_be_used_and_what_is_shared_is_not_alone(tmp_path: Path) -> None:
    steps = tmp_path / "features/steps"
    steps.mkdir(parents=True)
    (tmp_path / "features/protocol").mkdir()
    for name, text in (
        ("plain", '@given("it is plain")\ndef f(store): ...'),
        ("told", "@when(TEXT)\ndef f(): ..."),
        ("lends", "@pytest.fixture\ndef store(): ..."),
        ("imported", '@given("x")\ndef f(): ...'),
        ("imports", "from features.steps import imported"),
        ("always", "@pytest.fixture(autouse=True)\ndef begin(): ..."),
    ):
        (steps / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "features/protocol/1.feature").write_text("@cp_1_1\nRule: r\n  Given it is plain\n", encoding="utf-8")
    (tmp_path / "features/protocol/2.feature").write_text("Given it is plain\nWhen what nobody wrote out\n", encoding="utf-8")
    uses = read_uses(tmp_path)
    assert uses.modules["features/protocol/1.feature"] == {"features/steps/plain.py"}
    assert uses.modules["features/protocol/2.feature"] == {"features/steps/plain.py", "features/steps/told.py"}
    assert uses.alone == {f"features/steps/{name}.py" for name in ("plain", "told", "imports")}


def test_each_checkpoint_of_the_catalogue_rests_on_a_feature_and_on_steps() -> None:
    uses = read_uses()
    for defect in catalogue.catalogue().values():
        for checkpoint in (*defect.checkpoints, *defect.cluster_checkpoints):
            files = [file for file, marks in uses.marks.items() if registry()[checkpoint].mark in marks]
            assert files, checkpoint
            assert all(uses.modules[file] for file in files)
