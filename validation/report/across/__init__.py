"""What several runs say together: their history, checkpoints that are unstable, and the page that lists them.

Start with `summaries.py`, which reads the runs of a folder, then `history.py`.
"""
