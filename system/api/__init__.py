"""The HTTP API: accepts votes and serves results."""
