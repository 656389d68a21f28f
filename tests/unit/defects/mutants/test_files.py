"""Mutants of values, their schema, compose, Dockerfiles and SQL."""

import json

import pytest

from validation.core.settings import PROJECT
from validation.core.shards import Shard
from validation.defects.mutants.every import drawn, in_shard, mutants
from validation.defects.mutants.files import mutants_of, of_dockerfile, of_schema, of_sql

DOCKERFILE = """# A comment.
FROM base AS build
RUN one \\
    && two \\
    && X=1 three
USER 1000:1000
EXPOSE 8000
"""
SQL = 'T = """\ncreate table t (\n  id uuid primary key,\n  n bigint not null check (n >= 0)\n)\n"""\nname = "select nothing"\n'


def test_a_keyword_or_an_item_of_a_schema_is_left_out_or_changed() -> None:
    found = of_schema("s.json", json.dumps({"title": "T", "required": ["a"], "properties": {"a": {"maximum": 5, "type": "integer"}}}))
    made = {(one.kind, one.before): json.loads(one.text) for one in found}
    assert made["keyword left out", "properties.a.maximum"]["properties"] == {"a": {"type": "integer"}}
    assert made["scalar changed", "properties.a.maximum: 5"]["properties"]["a"]["maximum"] == 6
    assert made["item left out", "required.0"]["required"] == []
    assert not any(before.startswith("title") for _, before in made)


def test_an_instruction_or_one_of_its_lines_is_left_out() -> None:
    made = {(one.kind, one.line): one.text for one in of_dockerfile("Dockerfile", DOCKERFILE)}
    assert made["instruction left out", 3] == "# A comment.\nFROM base AS build\nUSER 1000:1000\nEXPOSE 8000\n"
    assert "&& two" not in made["line left out", 4]
    assert "&& X=1 three" in made["line left out", 4]
    assert "USER 1001:1000" in made["user changed", 6]
    assert "EXPOSE 8001" in made["scalar changed", 7]
    assert ("instruction left out", 1) not in made


def test_sql_loses_a_constraint_or_has_another_operator() -> None:
    made = {(one.kind, one.before.split(",")[0]): one.text for one in of_sql("m.py", SQL)}
    assert "id uuid," in made["constraint left out", "primary key"]
    assert "n bigint check" in made["constraint left out", "not null"]
    assert "check (n > 0)" in made["operator", ">="]
    assert "check" not in made["constraint left out", "check (n >= 0)"]


@pytest.mark.parametrize(
    "file",
    ["chart/values.yaml", "compose.yaml", "chart/values.schema.json", "system/images/api.Dockerfile", "system/db/migrations/versions/0001"],
)
def test_every_kind_of_file_has_mutants(file: str) -> None:
    found = [one for one in mutants_of(PROJECT, file) if one.file.startswith(file)]
    assert len(found) > 20
    original = {one.file: (PROJECT / one.file).read_text(encoding="utf-8") for one in found}
    assert all(one.text != original[one.file] for one in found)


def test_the_shards_are_all_mutants_once() -> None:
    every = mutants("system/consumer/")
    parts = [in_shard(drawn(every, None, 0), Shard(number, 3)) for number in (1, 2, 3)]
    assert sorted(str(one) for part in parts for one in part) == sorted(map(str, every))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_draw_repeats_itself() -> None:
    every = mutants("system/consumer/decide.py")
    assert drawn(every, 5, 7) == drawn(every, 5, 7) != drawn(every, 5, 8)


def test_the_harness_has_mutants_of_its_own() -> None:
    assert {one.file for one in mutants("validation/record/verdicts.py")} == {"validation/record/verdicts.py"}
    assert not any(one.file.startswith("validation/") for one in mutants())
