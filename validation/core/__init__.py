"""What every other package may import: errors, settings, the published contract, waiting, git and digests.

It imports no other package of the harness. Start with `errors.py`.
"""
