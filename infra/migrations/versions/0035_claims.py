"""How many claims have failed when they were verified, by system, day, and the subject's item."""

from alembic import op

revision = "0035_claims"
down_revision = "0034_notifications_done"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        COMMENT ON COLUMN catalog.agreement.terms IS 'rows, hours, quota_per_day, rate, answer, claims; only what is agreed';

        -- Both are changed in the transaction of the entries they count, and by nothing else.
        CREATE TABLE catalog.claim_failure (
            subject bytea NOT NULL CHECK (length(subject) = 16),
            item text NOT NULL,
            resource text NOT NULL,
            system text NOT NULL REFERENCES catalog.system,
            day date NOT NULL,
            failed integer NOT NULL CHECK (failed > 0),
            PRIMARY KEY (subject, item, resource, system, day)
        );
        COMMENT ON COLUMN catalog.claim_failure.failed IS 'claims on that subject''s item, its blind index, that did not match on that local day';
        CREATE INDEX claim_failure_day ON catalog.claim_failure (day);

        CREATE TABLE catalog.claim_use (
            system text NOT NULL REFERENCES catalog.system,
            day date NOT NULL,
            shard smallint NOT NULL,
            claims bigint NOT NULL CHECK (claims >= failed),
            failed bigint NOT NULL CHECK (failed >= 0),
            PRIMARY KEY (system, day, shard)
        ) WITH (fillfactor = 50);
        COMMENT ON COLUMN catalog.claim_use.shard IS 'one of sixteen, by process, so that processes need not wait for one another';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.claim_use; DROP TABLE catalog.claim_failure")
