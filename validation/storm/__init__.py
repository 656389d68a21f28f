"""A system of its own in which votes flow while faults befall it."""
