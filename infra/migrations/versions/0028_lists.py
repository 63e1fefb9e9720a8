"""The three lists that steer supply: demand, responsibility, negative."""

from alembic import op

revision = "0028_lists"
down_revision = "0027_evolution"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.responsibility (
            id text PRIMARY KEY,
            organisation text NOT NULL REFERENCES catalog.organisation,
            scope text NOT NULL,
            datum text NOT NULL,
            due_on date NOT NULL,
            legal_basis text,
            entry text REFERENCES catalog.entry,
            UNIQUE (scope, datum)
        );
        COMMENT ON TABLE catalog.responsibility IS 'the one source of each datum, and by when it supplies it (Decree 809, article 19)';
        CREATE TABLE catalog.demand (
            id text PRIMARY KEY,
            organisation text NOT NULL REFERENCES catalog.organisation,
            name text NOT NULL,
            items text[] NOT NULL,
            purpose text NOT NULL,
            legal_basis text NOT NULL,
            responsibility text REFERENCES catalog.responsibility,
            status text NOT NULL CHECK (status IN ('unmet', 'matched')),
            entries text[]
        );
        CREATE TABLE catalog.negative (
            id text PRIMARY KEY,
            organisation text REFERENCES catalog.organisation,
            name text NOT NULL,
            items text[] NOT NULL,
            legal_basis text NOT NULL
        );
    """)
    for table in ("demand", "responsibility", "negative"):
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.negative, catalog.demand, catalog.responsibility")
