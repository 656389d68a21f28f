"""Probes of the Helm chart: rendered manifests, values, schema and references.

Start with `manifests.py`, which renders the chart.
"""
