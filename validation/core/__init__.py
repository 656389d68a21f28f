"""What every other package may use: errors, settings, the published contract, waiting, git and digests.

It imports nothing else of the harness. Start with `errors.py`.
"""
