"""What catalogue entries in force are found by: their words, in the order of what counts."""

from alembic import op

revision = "0026_entry_search"
down_revision = "0025_harvests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The words stay in the row, as they are: ranking a hit must not fetch and unpack them from elsewhere. Names are beside, in rows
    # that are narrow, for most of what is asked for is found by its name.
    op.execute("""
        CREATE TABLE catalog.entry_search (
            entry text PRIMARY KEY REFERENCES catalog.entry,
            code text NOT NULL UNIQUE,
            name text NOT NULL,
            provider text NOT NULL,
            category text NOT NULL,
            sharing text NOT NULL,
            update_cycle text NOT NULL,
            open boolean NOT NULL,
            size integer NOT NULL,
            names tsvector NOT NULL
        );
        CREATE INDEX ON catalog.entry_search USING gin (names);
        COMMENT ON COLUMN catalog.entry_search.size IS 'characters of its names';

        CREATE TABLE catalog.entry_words (
            entry text PRIMARY KEY REFERENCES catalog.entry_search ON DELETE CASCADE,
            words tsvector NOT NULL
        ) WITH (toast_tuple_target = 8160);
        ALTER TABLE catalog.entry_words ALTER COLUMN words SET STORAGE EXTERNAL;
        CREATE INDEX ON catalog.entry_words USING gin (words);
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.entry_words, catalog.entry_search")
