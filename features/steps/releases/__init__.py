"""Steps about a release and the one before it."""
