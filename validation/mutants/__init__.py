"""Mechanical changes of the system, beyond those that somebody thought of: what the protocol does not see of them is shown."""
