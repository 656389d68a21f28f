"""Explained tables: every field of the chart's objects, of `compose.yaml` and of the servers' settings, with its reason.

A check of known faults sees known faults. These tables are compared both ways, so that a field that nobody explained is a finding, and so
is an explained one that is missing. Start with `tables.py`.
"""
