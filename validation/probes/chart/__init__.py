"""Probes of the Helm chart: rendered manifests, values, schema and references. Targets, the prober and the steps use them.

Start with `manifests.py`, which renders the chart.
"""
