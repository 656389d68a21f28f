"""Load runs: drive a system with Locust, reconcile every vote with the ledger, and check the limits of the scenario.

Only the command line imports it. Start with `run.py`, then `result.py`.
"""
