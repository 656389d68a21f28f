"""What other tools say of the eleven original defects: `python -m tests.other_tools`, or `make guests`."""
