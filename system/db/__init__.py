"""The database: the schema, defined only by migrations, and the queries on it."""
