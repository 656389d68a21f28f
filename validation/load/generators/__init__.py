"""Locust as a child process of this machine, or in pods of the cluster under load.

Start with `local.py`.
"""
