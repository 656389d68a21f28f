"""Steps about variables away from their defaults, and the effect of each."""
