"""The way of a vote, hop by hop: what Redis, the database and the logs of the consumers know of it, and where it was last seen.

Reconciliation says which votes are wrong; this package says where. Start with `tracer.py`.
"""
