"""A long life of a system in little time: its parts, its clients, its work, and what may grow with it."""
