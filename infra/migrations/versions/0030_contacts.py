"""Addresses of organisations that are told of duties."""

from alembic import op

revision = "0030_contacts"
down_revision = "0029_notifications"
branch_labels = None
depends_on = None

BEARERS = ("provider", "user", "authority", "security administrator", "system administrator")


def upgrade() -> None:
    listed = ", ".join(f"'{bearer}'" for bearer in BEARERS)
    op.execute(f"""
        CREATE TABLE catalog.contact (
            id text PRIMARY KEY,
            organisation text NOT NULL REFERENCES catalog.organisation,
            address text NOT NULL,
            bearers text[] NOT NULL CHECK (cardinality(bearers) > 0 AND bearers <@ ARRAY[{listed}])
        );
        CREATE UNIQUE INDEX contact_address ON catalog.contact (organisation, lower(address));
        COMMENT ON TABLE catalog.contact IS 'who is told of whose duties by e-mail; addresses may be personal, and stand here alone';
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.contact
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.contact")
