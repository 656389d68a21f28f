"""Steps about the API as a process: start-up, probes, headers, metrics and logs."""
