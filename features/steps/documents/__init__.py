"""Steps about the documents and the source files: what they claim is compared with what is there."""
