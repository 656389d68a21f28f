"""Steps that vote and read results as clients do."""
