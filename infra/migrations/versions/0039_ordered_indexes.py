"""Indexes of items that records are chosen by in their order: one more thing that ``library.shape`` does."""

from alembic import op

revision = "0039_ordered_indexes"
down_revision = "0038_questions"
branch_labels = None
depends_on = None

SHAPE = r"""
CREATE OR REPLACE FUNCTION library.shape(code text, operations jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    done jsonb;
    place text;
    index_name text;
    columns text;
BEGIN
    IF code !~ '^[a-z][a-z0-9_]{0,39}$' THEN
        RAISE EXCEPTION 'no code of a resource: %', code;
    END IF;
    FOR done IN SELECT * FROM jsonb_array_elements(operations) LOOP
        IF done ->> 'table' NOT IN ('contribution', 'golden', 'history', 'change') THEN
            RAISE EXCEPTION 'no table of a resource: %', done ->> 'table';
        END IF;
        place := format('library.%I', (done ->> 'table') || '_' || code);
        index_name := (done ->> 'table') || '_' || code || (done ->> 'suffix');
        IF length(index_name) > 63 THEN  -- else two of them could be cut to the same name
            index_name := left(index_name, 54) || '_' || left(md5(index_name), 8);
        END IF;
        CASE done ->> 'do'
        WHEN 'create' THEN
            SELECT string_agg(library.column_of(one), ', ' ORDER BY at) INTO columns
                FROM jsonb_array_elements(done -> 'columns') WITH ORDINALITY AS given (one, at);
            EXECUTE format('CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (%s))', place, columns,
                (SELECT string_agg(quote_ident(key), ', ' ORDER BY at)
                 FROM jsonb_array_elements_text(done -> 'key') WITH ORDINALITY AS given (key, at)));
        WHEN 'add' THEN
            EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s', place, library.column_of(done));
        WHEN 'drop' THEN
            EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', place, done ->> 'name');
        WHEN 'spare' THEN
            EXECUTE format('ALTER TABLE %s ALTER %I SET STATISTICS 0', place, done ->> 'name');
        WHEN 'index' THEN
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (%I)', index_name, place, done ->> 'name');
        WHEN 'index_ordered' THEN  -- texts by code point, so that the beginning of one is a range wherever the database was made
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (%I%s, _subject)', index_name, place, done ->> 'name',
                CASE WHEN done ->> 'type' = 'text' THEN ' COLLATE "C"' ELSE '' END);
        WHEN 'index_ends' THEN
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (_position) WHERE _operation = ''close''',
                index_name, place);
        WHEN 'index_boxes' THEN
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s USING gist ((box(point(_xmin, _ymin), '
                'point(_xmax, _ymax))))', index_name, place);
        ELSE
            RAISE EXCEPTION 'nothing that is done to a table: %', done ->> 'do';
        END CASE;
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute(SHAPE)


def downgrade() -> None:
    """Leave the function as it is: it does what the one before did, and no definition asks for more."""
