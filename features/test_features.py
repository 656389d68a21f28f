"""Binds every scenario to pytest, phase by phase: the ledger of phase 7 balances the votes of all phases before it."""

from pathlib import Path

from pytest_bdd import scenarios

for feature in sorted(Path(__file__).parent.glob("*/*.feature"), key=lambda path: (path.parent.name != "protocol", path.name)):
    scenarios(str(feature))
