"""What other tools say of the eleven original defects: `python -m tests.guests`, or `make guests`."""
