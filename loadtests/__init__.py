"""Load on the vote path, with Locust."""
