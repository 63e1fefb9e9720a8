"""Matters that go through a workflow, and the events that brought them where they are."""

from alembic import op

revision = "0016_matters"
down_revision = "0015_organisations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.matter (
            kind text NOT NULL,
            id text NOT NULL,
            state text NOT NULL,
            parties jsonb NOT NULL,
            position integer NOT NULL CHECK (position > 0),
            duty text,
            due_at timestamptz,
            opened_at timestamptz NOT NULL,
            PRIMARY KEY (kind, id),
            CHECK ((duty IS NULL) = (due_at IS NULL))
        );
        CREATE INDEX ON catalog.matter (due_at) WHERE due_at IS NOT NULL;
        CREATE INDEX ON catalog.matter (kind, state, id);

        CREATE TABLE catalog.event (
            kind text NOT NULL,
            matter text NOT NULL,
            position integer NOT NULL,
            act text NOT NULL,
            state text NOT NULL,
            actor text NOT NULL,
            organisation text,
            at timestamptz NOT NULL,
            facts jsonb NOT NULL,
            PRIMARY KEY (kind, matter, position),
            FOREIGN KEY (kind, matter) REFERENCES catalog.matter
        );
        COMMENT ON COLUMN catalog.event.state IS 'where the act led';
        COMMENT ON COLUMN catalog.event.at IS 'by the clock that deadlines are counted by';

        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.event
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.matter
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT ON catalog.event
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.event, catalog.matter")
