"""Findings of seeded defects of several kinds: none lacks the scenario, the input or the command that repeats just that scenario."""

import pytest

from validation.defects.catalogue import catalogue
from validation.defects.proving.bench import BRIEFLY
from validation.defects.proving.commands import run_checkpoints
from validation.defects.seeding import seeded_copy

KINDS = {"D1": "values of the chart", "D214": "requests", "D3": "entries of the stream", "D5": "settings of the chart", "D226": "settings"}


@pytest.mark.parametrize("identifier", KINDS)
def test_no_finding_of_a_seeded_defect_lacks_its_input(identifier: str) -> None:
    defect = catalogue()[identifier]
    with seeded_copy(defect) as copy:
        entries = run_checkpoints(copy, defect.checkpoints[:1], [*defect.flags, *BRIEFLY])
    found = [one for entry in entries.values() for one in entry["findings"]]
    assert found
    for one in found:
        assert one["input"], one
        assert f"--scenario '{one['scenario']}'" in one["reproduce"].replace('"', "'")
        assert f"--source {copy}" in one["reproduce"]
        assert "(kind" not in one["observed"]
