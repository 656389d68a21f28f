"""Alembic's entry point: run the migrations in the connection and transaction of `system.db.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
