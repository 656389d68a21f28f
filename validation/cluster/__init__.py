"""A live cluster: how it is reached, what is installed there, and what can be done to it."""
