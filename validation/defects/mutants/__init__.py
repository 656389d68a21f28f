"""Mechanical changes of the system and the chart, to find what the protocol does not notice.

Start with `mutant.py`, then `trial.py`.
"""
