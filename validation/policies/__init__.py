"""Network policies without a cluster: the declared connections, and an evaluator that computes what policies allow.

It imports nothing of the harness, so that probes can use it. Start with `evaluator.py`.
"""
