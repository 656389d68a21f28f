"""The checkpoints as Gherkin features, one Rule each: `protocol/` has a file per phase, `beyond/` a file per subject."""
