"""Steps about faults and crashes while votes flow."""
