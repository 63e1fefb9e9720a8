"""Nonces of signed calls that were taken, so that each passes once; forgotten when their signatures have expired."""

from alembic import op

revision = "0036_used_nonces"
down_revision = "0035_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No index on the time: it would cost each call, and few rows are looked through once a minute.
    op.execute("""
        CREATE TABLE catalog.used_nonce (digest uuid PRIMARY KEY, expires_at timestamptz NOT NULL);
        COMMENT ON COLUMN catalog.used_nonce.digest IS 'the first half of SHA-256(system, newline, nonce)';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.used_nonce")
