"""Fault injection: a system behind fault proxies, a workload of votes, faults, and the reconciliation of every vote afterwards.

Steps, load runs and the command line import it. Start with `base.py`, then `catalogue.py` and `environment.py`.
"""
