"""The pytest plugin that turns scenarios into recorded events, and the session that runs it.

The command line and `conftest.py` import it. Start with `execution.py`, then `plugin.py`.
"""
