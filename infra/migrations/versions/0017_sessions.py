"""Sessions of people who signed in; they hold for every process, and end for every process."""

from alembic import op

revision = "0017_sessions"
down_revision = "0016_matters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.session (
            id uuid PRIMARY KEY,
            person text NOT NULL REFERENCES catalog.person,
            method text NOT NULL CHECK (method IN ('password', 'oidc')),
            second_factor boolean NOT NULL,
            begun_at timestamptz NOT NULL,
            used_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL CHECK (ends_at > begun_at),
            ended_at timestamptz
        );
        CREATE INDEX ON catalog.session (person);
        CREATE INDEX ON catalog.session (ends_at);
        COMMENT ON COLUMN catalog.session.used_at IS 'to the minute: not every request writes it';
        -- That it was used, and that one long over is swept away, is no act of anybody.
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OF person, method, second_factor, ends_at, ended_at
            ON catalog.session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.session")
