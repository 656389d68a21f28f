"""Every checkpoint that reads a mutant's file runs on it, the slower ones last."""

from validation.defects.mutants.trial import stages


def test_the_checkpoints_that_read_its_file_run_on_a_mutant() -> None:
    of_the_consumer, of_the_chart = stages("system/consumer/loop.py"), stages("chart/templates/api.yaml")
    assert [("6.1" in stage, "B8" in stage) for stage in of_the_consumer] == [(True, False), (False, True)]
    assert not {"5.1", "4.1", "B11"}.intersection(*map(set, of_the_consumer))
    assert [("4.5" in stage, "B15" in stage) for stage in of_the_chart] == [(True, False), (False, True)]
    assert "B8" not in of_the_chart[1]


def test_the_checkpoints_that_read_any_file_run_on_the_unchanged_system() -> None:
    assert {"5.1", "6.1", "1.3"} <= set(stages("system/")[0])
