"""The benchmark: how fast the system is, beside plain designs of the same, measured in the same run."""
