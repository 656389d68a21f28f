"""What alembic runs: the migrations, over the connection and in the transaction that `system.db.migrate` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
