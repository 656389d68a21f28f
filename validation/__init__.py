"""The harness: it decides whether a release of the voting system may ship. It never imports the system."""
