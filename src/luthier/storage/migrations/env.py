"""Run by Alembic; the connection comes from `luthier.storage._sql_schema`."""

from __future__ import annotations

from alembic import context

from luthier.storage._sql_schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
