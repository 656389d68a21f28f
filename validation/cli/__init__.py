"""The `votecheck` command line: one module for each group of commands.

Only `validation.__main__` imports it. Start with `main.py`, then `run.py`; shared option types are in `options.py`.
"""
