"""Probes of a running system: HTTP, the Redis stream, PostgreSQL, and a container seen from inside.

Start with `http.py`, `stream.py` or `store.py`.
"""
