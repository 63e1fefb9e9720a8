"""Which keyring the database belongs to."""

from alembic import op

revision = "0005_keyring"
down_revision = "0004_library"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE library.keyring (
            only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
            fingerprint bytea NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now()
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE library.keyring")
