"""Steps about what has worked once: the second time, under a wrong clock, after half of it was done, and while its real worker is stuck."""
