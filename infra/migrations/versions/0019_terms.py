"""Terms of agreements beyond items and purposes, and what is spent of those that allow only so much."""

from alembic import op

revision = "0019_terms"
down_revision = "0018_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE catalog.agreement
            ADD COLUMN terms jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(terms) = 'object');
        COMMENT ON COLUMN catalog.agreement.terms IS 'rows, hours, quota_per_day, rate, answer; only what is agreed';

        -- Changed in the transaction of the entries it counts, and by nothing else; its lock keeps processes apart.
        CREATE TABLE catalog.agreement_use (
            agreement text PRIMARY KEY REFERENCES catalog.agreement,
            day date NOT NULL,
            used bigint NOT NULL CHECK (used >= 0),
            full_at timestamptz
        ) WITH (fillfactor = 50);
        COMMENT ON COLUMN catalog.agreement_use.used IS 'records asked for on that local day, in calls that were answered';
        COMMENT ON COLUMN catalog.agreement_use.full_at IS 'when the full burst is free again, by the clock of the database';
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE catalog.agreement_use;
        ALTER TABLE catalog.agreement DROP COLUMN terms
    """)
