"""Whether what was told has stood ever since: when it was done and is undone anew, that is told."""

from alembic import op

revision = "0034_notifications_done"
down_revision = "0033_item_use_by_agreement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE catalog.notification ADD COLUMN stands boolean NOT NULL DEFAULT true")


def downgrade() -> None:
    op.execute("ALTER TABLE catalog.notification DROP COLUMN stands")
