"""Fault injection: a system of its own, a workload of votes, faults, and the reconciliation of every vote afterwards.

Steps, load runs and the command line import it. Start with `catalogue.py`.
"""
