"""Run by Alembic. The connection and its transaction belong to `Store.upgrade`."""

from alembic import context

from busta_health_dagster.store.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
