"""What may open a connection to what: declared, computed from policies, and observed by pods that try."""
