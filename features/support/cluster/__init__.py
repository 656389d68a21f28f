"""Fixtures that only a run against a cluster loads: the installation, and the liveness trial in it."""
