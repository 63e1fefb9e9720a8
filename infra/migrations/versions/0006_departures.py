"""Rows that a department has no more: counted per batch."""

from alembic import op

revision = "0006_departures"
down_revision = "0005_keyring"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE library.batch
            ADD COLUMN withdrawn integer NOT NULL DEFAULT 0,
            ADD COLUMN closed integer NOT NULL DEFAULT 0
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE library.batch DROP COLUMN withdrawn, DROP COLUMN closed")
