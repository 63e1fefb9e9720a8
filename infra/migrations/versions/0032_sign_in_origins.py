"""From which addresses people fail to sign in, and from which ones they have signed in; keyed digests alone."""

from alembic import op

revision = "0032_sign_in_origins"
down_revision = "0031_notification_channels"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.sign_in_origin (
            origin bytea PRIMARY KEY CHECK (length(origin) = 16),
            free_at timestamptz NOT NULL
        );
        COMMENT ON COLUMN catalog.sign_in_origin.free_at IS 'when every failure from there will be forgotten';
        CREATE INDEX sign_in_origin_free_at ON catalog.sign_in_origin (free_at);
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.sign_in_origin
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        ALTER TABLE catalog.account ADD COLUMN known_from bytea[] NOT NULL DEFAULT '{}';
        COMMENT ON COLUMN catalog.account.known_from IS 'where the person signed in from, the latest first';
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE catalog.account DROP COLUMN known_from; DROP TABLE catalog.sign_in_origin")
