"""The pytest plugin that turns scenarios into recorded events, and `execute`, which runs a session of it.

The command line and `conftest.py` import it. Start with `execution.py`, then `plugin.py`, which lists the parts.
"""
