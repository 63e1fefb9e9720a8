"""Finding when anything was last read under an agreement: the duties ask it of every agreement in force."""

from alembic import op

revision = "0033_item_use_by_agreement"
down_revision = "0032_sign_in_origins"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # a row's last day changes once a day, so that sealing still updates rows in place
    op.execute("CREATE INDEX item_use_agreement ON catalog.item_use (agreement, last_day)")


def downgrade() -> None:
    op.execute("DROP INDEX catalog.item_use_agreement")
