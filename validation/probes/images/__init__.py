"""Probes of container images at rest: archives, layers, packages, secrets and scanners.

Start with `inspection.py`.
"""
