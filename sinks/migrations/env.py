"""Alembic's entry: runs on the connection that `migrate` gives it."""

from alembic import context

from sinks.model import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
