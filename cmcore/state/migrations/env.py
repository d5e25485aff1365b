"""What Alembic runs first: it works in the transaction of the connection it is handed, and opens none of its own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
