"""The evidence of a run: events, the sealed record, and the pure function from events to verdicts.

Start with `recorder.py`, then `verdicts.py`.
"""
