"""The detection matrix: every seeded defect against every checkpoint whose inputs it changes.

Start with `row.py`, which fills one row, then `matrix.py`, which evaluates all of them.
"""
