"""The fault proxy: a TCP proxy that understands the Redis and PostgreSQL protocols and can fail at any command.

Start with `proxy.py`; `crash_points.py` names the places where a process can be killed.
"""
