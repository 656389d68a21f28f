"""The schema, as alembic migrations."""
