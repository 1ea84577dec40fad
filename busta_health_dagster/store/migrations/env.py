"""Run by Alembic. The connection and its transaction belong to `Store.upgrade`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
