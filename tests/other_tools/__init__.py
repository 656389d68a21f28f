"""Other tools on the eleven original defects: `python -m tests.other_tools`, or `make other-tools`."""
