"""The containers target: both images, Redis and PostgreSQL in containers on this machine.

Start with `target.py`.
"""
