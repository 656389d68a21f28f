"""The evidence of a run: events, the sealed record, and the pure function from events to verdicts.

Everything above `registry` may import it; it needs no pytest. Start with `events.py`, then `verdicts.py`.
"""
