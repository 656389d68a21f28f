"""Where the system under test runs: on this machine, in containers, or in a cluster.

Steps, faults, network probes and load import it. Start with `base.py`, then `launching.py`.
"""
