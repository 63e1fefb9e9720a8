"""Catalogue entries: what stands, what is being written, every version that was published, and the counters of codes."""

from alembic import op

revision = "0020_entries"
down_revision = "0019_terms"
branch_labels = None
depends_on = None

SHIPPED = ("101001001", "102001001", "103001001", "103002001", "103003001", "104001001")
"""Categories whose first code belongs to a resource that comes with the hub."""


def upgrade() -> None:
    counters = ", ".join(f"('{category}', 1)" for category in SHIPPED)
    op.execute(f"""
        CREATE TABLE catalog.entry (
            id text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_]{{0,39}}$'),
            provider text NOT NULL REFERENCES catalog.organisation,
            category text NOT NULL,
            name text NOT NULL,
            sharing text NOT NULL,
            code text UNIQUE CHECK (code ~ '^[123][0-9]{{5}}[0-9A-Za-z]*/[0-9]+$'),
            state text NOT NULL,
            newest integer NOT NULL CHECK (newest > 0),
            in_force integer CHECK (in_force <= newest),
            draft jsonb
        );
        COMMENT ON COLUMN catalog.entry.state IS 'where its newest version stands';
        COMMENT ON COLUMN catalog.entry.in_force IS 'the published version; null where none is, or it was withdrawn';
        COMMENT ON COLUMN catalog.entry.draft IS 'what the newest version is to say, while it is not published';
        CREATE INDEX ON catalog.entry (provider, id);
        CREATE INDEX ON catalog.entry (state, id);
        CREATE INDEX ON catalog.entry (category, id);

        CREATE TABLE catalog.entry_version (
            entry text NOT NULL REFERENCES catalog.entry,
            version integer NOT NULL CHECK (version > 0),
            content jsonb NOT NULL,
            digest text NOT NULL,
            published_by text NOT NULL,
            published_at timestamptz NOT NULL,
            PRIMARY KEY (entry, version)
        );
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.entry_version
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

        CREATE TABLE catalog.code_counter (
            category text PRIMARY KEY,
            last integer NOT NULL CHECK (last > 0)
        );
        INSERT INTO catalog.code_counter VALUES {counters};
    """)
    for table in ("entry", "entry_version", "code_counter"):
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.code_counter, catalog.entry_version, catalog.entry")
