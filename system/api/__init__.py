"""The HTTP API: takes votes, shows results."""
