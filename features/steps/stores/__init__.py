"""Steps about Redis and PostgreSQL servers that change under the parts."""
