"""Formats that other programs read: JUnit XML, CTRF, SARIF and annotations of GitHub.

`write.py`, `load` and the command line import it. Start with `cases.py`: JUnit XML and CTRF show the same cases.
"""
