"""Seeded defects: the catalogue, applying one to a copy of the system, and proving that its checkpoints catch it.

Only the command line imports it. Start with `catalogue.py`, then `seeding.py` and `proving/proof.py`.
"""
