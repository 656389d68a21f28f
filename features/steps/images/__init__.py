"""Steps about the two container images, at rest and running."""
