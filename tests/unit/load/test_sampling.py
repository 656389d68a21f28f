import os

import pytest

from validation.core.errors import NotProven
from validation.load.sampling.sampler import Rates, Usage, parts_of


def test_cores_are_cpu_seconds_per_second() -> None:
    rates = Rates()
    assert rates.after({"api": Usage(100.0, 7.0, 50.0)}) == {}, "nothing is known after one look"
    assert rates.after({"api": Usage(102.0, 8.0, 50.0)}) == {"api": 0.5}


def test_a_part_without_a_new_sample_keeps_its_value() -> None:
    rates = Rates()
    rates.after({"api": Usage(100.0, 7.0, 50.0)})
    rates.after({"api": Usage(102.0, 8.0, 50.0)})
    assert rates.after({"api": Usage(102.0, 8.0, 50.0)}) == {"api": 0.5}
    assert rates.after({}) == {}, "who is not there uses nothing"


def test_a_replaced_part_has_no_value_until_the_next_sample() -> None:
    rates = Rates()
    rates.after({"api": Usage(100.0, 7.0, 50.0)})
    assert rates.after({"api": Usage(101.0, 0.1, 50.0)}) == {}
    assert rates.after({"api": Usage(102.0, 0.3, 50.0)}) == {"api": pytest.approx(0.2)}


def test_only_running_processes_are_sampled() -> None:
    def gone() -> int:
        raise NotProven("The consumer is external.")

    seen = parts_of({"this": os.getpid, "other": gone, "none": lambda: 2**22 + 1})()
    assert set(seen) == {"this"}
    assert seen["this"].seconds > 0
    assert 10 < seen["this"].mib < 4096
