"""Sources registered through the API, the systems that may do so, and the pushes that were taken."""

from alembic import op

revision = "0009_sources"
down_revision = "0008_codes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE catalog.system ADD COLUMN administrator boolean NOT NULL DEFAULT false;

        CREATE TABLE catalog.source (
            code text PRIMARY KEY,
            ordinal integer NOT NULL UNIQUE,
            definition text NOT NULL,
            registered_by text NOT NULL,
            registered_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.source
            FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.source
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();

        -- What was taken under an idempotency key: the same body again gets the same answer, and goes on where it stopped.
        CREATE TABLE library.push (
            source text NOT NULL,
            key text NOT NULL,
            digest text NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            answer jsonb,
            PRIMARY KEY (source, key)
        );
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE library.push, catalog.source;
        ALTER TABLE catalog.system DROP COLUMN administrator
    """)
