"""What applications state, revision by revision, and agreements that wait for their delivery."""

from alembic import op

revision = "0023_applications"
down_revision = "0022_published_resources"
branch_labels = None
depends_on = None

OLD = ("in_force", "suspended", "ended")
NEW = ("agreed", *OLD)


def _statuses(known: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{status}'" for status in known)
    return f"ADD CONSTRAINT agreement_status_check CHECK (status IN ({listed}))"


def upgrade() -> None:
    op.execute(f"""
        CREATE SEQUENCE catalog.application_number;
        CREATE TABLE catalog.application (
            id text NOT NULL,
            revision integer NOT NULL CHECK (revision > 0),
            organisation text NOT NULL REFERENCES catalog.organisation,
            system text NOT NULL,
            resource text NOT NULL,
            changes text REFERENCES catalog.agreement,
            content jsonb NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (id, revision)
        );
        CREATE INDEX ON catalog.application (changes) WHERE changes IS NOT NULL;
        COMMENT ON COLUMN catalog.application.changes IS 'the agreement that is to be renewed or amended';

        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.application
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT ON catalog.application
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();

        ALTER TABLE catalog.agreement DROP CONSTRAINT agreement_status_check, {_statuses(NEW)};
    """)


def downgrade() -> None:
    op.execute(f"""
        DROP TABLE catalog.application;
        DROP SEQUENCE catalog.application_number;
        UPDATE catalog.agreement SET status = 'ended' WHERE status = 'agreed';
        ALTER TABLE catalog.agreement DROP CONSTRAINT agreement_status_check, {_statuses(OLD)};
    """)
