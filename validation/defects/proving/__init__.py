"""Proves a defect: apply it to a copy, run what must catch it, and say what became of it.

Start with `proof.py`. `bench.py` says where a proof runs, `baseline.py` what must be green before, and `commands.py` and `pytest_runs.py`
run a copy in processes of their own.
"""
