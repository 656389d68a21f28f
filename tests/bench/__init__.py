"""The benchmark: performance of the voting system next to a plain design, measured in the same run."""
