"""The cluster target: an installation of the chart in a live Kubernetes cluster.

It takes a second to import, so only code that needs a cluster does. Start with `installation.py`.
"""
