"""Reports, made from the record of a run alone: one renderer a format."""
