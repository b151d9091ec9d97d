"""Run by Alembic; the connection is the one that :func:`eval.study.storage.migrations.upgrade` opened."""

from alembic import context

from eval.study.storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
