"""The database: the schema, in migrations and nowhere else, and what is asked of it."""
