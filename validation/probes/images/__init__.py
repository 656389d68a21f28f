"""Probes of saved container images: layers, contents, packages, secrets and scanners. The steps use them; no image runs.

Start with `inspection.py`, which saves and reads an image.
"""
