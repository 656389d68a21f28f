"""The shipped proofs: no checkpoint loses its last one. What this suite proves again is a sample of them, drawn anew for each commit."""

import re
from itertools import pairwise

import pytest

from validation.defects import catalogue, proofs
from validation.defects.proofs import Shipped, is_stale

SHIPPED = proofs.read()


def test_every_checkpoint_with_proofs_has_one_that_holds() -> None:
    shipped = {checkpoint for one in SHIPPED for checkpoint in one.checkpoints}
    holding = {checkpoint for one in SHIPPED if not is_stale(one) for checkpoint in one.checkpoints}
    lost = sorted(shipped - holding)
    assert lost == [], f"run: votecheck defects run --stale --checkpoint {','.join(lost)}"


def test_the_proofs_are_in_order_and_each_is_about_a_defect_of_the_catalogue() -> None:
    keys = [(int(one.defect[1:]), one.bench) for one in SHIPPED]
    assert all(before < after for before, after in pairwise(keys))
    assert [one.defect for one in SHIPPED if one.defect not in catalogue.catalogue()] == []


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: f"{one.defect}-{one.bench}")
def test_a_proof_names_no_place_of_the_machine_that_made_it(one: Shipped) -> None:
    assert not re.search(r"(?:^|[\s=:'\"(])/(?:home|root|tmp|work|check|Users)/", one.finding), one.finding
