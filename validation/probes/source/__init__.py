"""Probes of the source tree and the documents: constants, facts, scenarios, commands.

Start with `facts.py`.
"""
