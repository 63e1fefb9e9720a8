"""Questions that administrators define, version by version; agreements may be on questions alone."""

from alembic import op

revision = "0038_questions"
down_revision = "0037_subscriptions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.question (
            name text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            resource text NOT NULL,
            definition jsonb NOT NULL CHECK (jsonb_typeof(definition) = 'object'),
            registered_by text NOT NULL,
            registered_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (name, version)
        );
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.question
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        ALTER TABLE catalog.agreement DROP CONSTRAINT agreement_items_check;
        ALTER TABLE catalog.agreement ADD CONSTRAINT agreement_items_check
            CHECK (cardinality(items) > 0 OR terms -> 'answer' ->> 'form' = 'question') NOT VALID;
        ALTER TABLE catalog.agreement VALIDATE CONSTRAINT agreement_items_check;
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE catalog.agreement DROP CONSTRAINT agreement_items_check;
        ALTER TABLE catalog.agreement ADD CONSTRAINT agreement_items_check CHECK (cardinality(items) > 0);
        DROP TABLE catalog.question
    """)
