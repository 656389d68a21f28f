"""What each planted defect turns red: which of them to prove, what became of them, and the matrix of all that fell."""
