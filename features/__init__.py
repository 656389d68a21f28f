"""The protocol as Gherkin features: one file a phase, one Rule a checkpoint."""
