"""Load on a running system, measured from the outside, with every vote reconciled."""
