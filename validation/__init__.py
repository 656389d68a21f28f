"""The harness: it decides whether a release of the voting system may go out. It never imports the system."""
