"""Steps about an installation in a live cluster. They are loaded only when the target is a cluster."""
