"""Reports, derived from the record of a run alone: one renderer a format.

The command line, `load` and `defects` import it. Start with `model.py`, then `write.py`.
"""
