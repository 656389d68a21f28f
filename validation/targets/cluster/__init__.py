"""The cluster target: an installation of the chart in a live Kubernetes cluster.

Its client takes a second to import, so only code that needs a cluster imports it. Start with `installation.py`.
"""
