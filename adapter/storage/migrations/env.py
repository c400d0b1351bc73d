"""How alembic runs a step: on the connection that `adapter.storage.schema` hands over, within its transaction."""

from alembic import context

from adapter.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
