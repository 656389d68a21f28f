"""Pods in a cluster that try to connect, to observe what its network plug-in lets through.

Steps import it. Start with `prober.py`; what policies should allow is computed in `validation.policies`.
"""
