"""Fixtures and helpers that several step modules use, one module for each subject.

Step modules import from here and never from one another. Start with `parts.py`, the parts of the system that a scenario talks to, and
`background.py`, the work that runs beside the scenarios.
"""
