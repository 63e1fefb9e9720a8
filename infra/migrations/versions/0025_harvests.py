"""Neighbours' catalogues: which are harvested, each run with what it skipped, and the entries, apart from our own."""

from alembic import op

revision = "0025_harvests"
down_revision = "0024_objections"
branch_labels = None
depends_on = None

TABLES = ("harvest", "harvest_run", "harvest_skip", "harvested_entry")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.harvest (
            code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{0,39}$'),
            url text NOT NULL UNIQUE,
            kind text CHECK (kind IN ('dcat', 'ckan')),
            catalogue text NOT NULL DEFAULT '',
            title text NOT NULL DEFAULT '',
            added_at timestamptz NOT NULL
        );
        COMMENT ON COLUMN catalog.harvest.kind IS 'null until its first page has been read';
        COMMENT ON COLUMN catalog.harvest.catalogue IS 'what it calls itself among catalogues';

        CREATE TABLE catalog.harvest_run (
            harvest text NOT NULL REFERENCES catalog.harvest,
            number integer NOT NULL CHECK (number > 0),
            state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'given_up')),
            cursor text,
            visited text[] NOT NULL DEFAULT '{}',
            pages integer NOT NULL DEFAULT 0,
            created integer NOT NULL DEFAULT 0,
            updated integer NOT NULL DEFAULT 0,
            unchanged integer NOT NULL DEFAULT 0,
            skipped integer NOT NULL DEFAULT 0,
            vanished integer NOT NULL DEFAULT 0,
            problem text,
            began_at timestamptz NOT NULL,
            ended_at timestamptz,
            PRIMARY KEY (harvest, number),
            CHECK ((state = 'running') = (ended_at IS NULL))
        );
        COMMENT ON COLUMN catalog.harvest_run.cursor IS 'the page to read next';
        COMMENT ON COLUMN catalog.harvest_run.visited IS 'digests of the addresses of the pages that were read';
        CREATE UNIQUE INDEX ON catalog.harvest_run (harvest) WHERE state = 'running';

        CREATE TABLE catalog.harvest_skip (
            harvest text NOT NULL,
            run integer NOT NULL,
            position integer NOT NULL,
            foreign_id text NOT NULL,
            reason text NOT NULL,
            PRIMARY KEY (harvest, run, position),
            FOREIGN KEY (harvest, run) REFERENCES catalog.harvest_run
        );

        CREATE TABLE catalog.harvested_entry (
            harvest text NOT NULL,
            foreign_id text NOT NULL,
            digest text NOT NULL,
            content jsonb NOT NULL,
            run integer NOT NULL,
            first_seen_at timestamptz NOT NULL,
            seen_at timestamptz NOT NULL,
            vanished_at timestamptz,
            PRIMARY KEY (harvest, foreign_id),
            FOREIGN KEY (harvest, run) REFERENCES catalog.harvest_run
        );
        COMMENT ON COLUMN catalog.harvested_entry.run IS 'the last run that saw it';
    """)
    for table in TABLES:
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        """)


def downgrade() -> None:
    op.execute(
        "DROP TABLE catalog.harvested_entry, catalog.harvest_skip, catalog.harvest_run, catalog.harvest"
    )
