"""Subscriptions to resources: who is told of changes, under which agreement and why."""

from alembic import op

revision = "0037_subscriptions"
down_revision = "0036_used_nonces"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.subscription (
            id text PRIMARY KEY,
            system text NOT NULL REFERENCES catalog.system,
            agreement text NOT NULL REFERENCES catalog.agreement,
            resource text NOT NULL,
            items text[] NOT NULL,
            purpose text NOT NULL,
            legal_basis text NOT NULL,
            case_code text NOT NULL,
            status text NOT NULL CHECK (status IN ('active', 'cancelled')),
            made_at timestamptz NOT NULL
        );
        CREATE INDEX subscription_system ON catalog.subscription (system, id);
        COMMENT ON COLUMN catalog.subscription.items IS 'none: all that the agreement covers at each delivery';
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.subscription
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.subscription")
