"""Steps about the Helm chart as it renders, without a cluster."""
