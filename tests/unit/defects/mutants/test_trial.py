"""A mutant is shown to every checkpoint that looks at its file, those that take longer last."""

from validation.defects.mutants.trial import stages


def test_a_mutant_is_shown_to_what_looks_at_its_file() -> None:
    of_the_consumer, of_the_chart = stages("system/consumer/loop.py"), stages("chart/templates/api.yaml")
    assert [("6.1" in stage, "B8" in stage) for stage in of_the_consumer] == [(True, False), (False, True)]
    assert not {"5.1", "4.1", "B11"}.intersection(*map(set, of_the_consumer))
    assert [("4.5" in stage, "B15" in stage) for stage in of_the_chart] == [(True, False), (False, True)]
    assert "B8" not in of_the_chart[1]


def test_the_unchanged_system_is_shown_to_what_looks_at_any_file_of_it() -> None:
    assert {"5.1", "6.1", "1.3"} <= set(stages("system/")[0])
