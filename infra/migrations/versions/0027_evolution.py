"""How far the records of a resource are made ready for a version, or freed of what it dropped."""

from alembic import op

revision = "0027_evolution"
down_revision = "0026_entry_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE library.evolution (
            code text NOT NULL,
            version integer NOT NULL,
            step text NOT NULL,
            reached bytea,
            records bigint NOT NULL DEFAULT 0,
            done_at timestamptz,
            PRIMARY KEY (code, version, step),
            FOREIGN KEY (code, version) REFERENCES catalog.published_resource
        );
        COMMENT ON COLUMN library.evolution.reached IS 'the last subject that was rewritten: a step goes on behind it';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE library.evolution")
