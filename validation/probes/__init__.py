"""Probes observe and return frozen data; they never assert."""
