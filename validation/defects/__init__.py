"""Seeded defects: the catalogue, planting one in a copy of the system, and proving that its checkpoints catch it.

Only the command line imports it. Start with `catalogue.py`, then `proving.py`.
"""
