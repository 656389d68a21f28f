"""Probes of the source tree and the documents: constants, facts, scenarios, commands. The defect catalogue and the steps use them.

Start with `facts.py`.
"""
