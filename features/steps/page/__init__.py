"""Steps about the voting page in a browser, by subject."""
