"""Reports, derived from the record of a run alone: one renderer per format.

The command line, `load` and `defects` import it. Start with `model.py`, then `write.py`.
"""
