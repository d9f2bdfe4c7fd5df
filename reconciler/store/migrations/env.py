"""Run by alembic: applies migrations on the connection, and in the transaction, that it is given."""

from alembic import context

from reconciler.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
