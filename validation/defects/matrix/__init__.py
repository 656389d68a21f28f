"""The detection matrix: every seeded defect against every checkpoint.

Start with `row.py`, which fills one row, then `matrix.py`, which reads all of them.
"""
