"""An index to find a push's batches by, however many there are of other sources and pushes."""

from alembic import op

revision = "0013_pushes"
down_revision = "0012_item_use_by_month"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX batch_push ON library.batch (source, pull_window) WHERE pull_window LIKE 'push %'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX library.batch_push")
