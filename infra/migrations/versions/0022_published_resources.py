"""Resources that departments publish: their definitions by version, and the tables of one, laid by who may not lay any other.

``library.shape`` is the one place that turns a described table into DDL. The application reaches it through
``library.shape_recorded`` alone, which runs as the owner, and only for a published resource whose change is on the ledger in
the same transaction. Names and types are checked, so nothing but these tables can come of it.
"""

from alembic import op

revision = "0022_published_resources"
down_revision = "0021_row_changes"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE catalog.published_resource (
    code text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]{0,39}$'),
    version integer NOT NULL CHECK (version > 0),
    definition jsonb NOT NULL,
    digest text NOT NULL,
    layout text[] NOT NULL,
    published_by text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    in_force_at timestamptz,
    withdrawn_at timestamptz,
    PRIMARY KEY (code, version)
);
COMMENT ON COLUMN catalog.published_resource.layout IS 'items by their place in the provenance of stored records';
COMMENT ON COLUMN catalog.published_resource.in_force_at IS 'null while the records are still being made ready for it';

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.published_resource
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.published_resource
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();

CREATE FUNCTION catalog.keep_definition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.code, OLD.version, OLD.definition, OLD.digest, OLD.layout)
        IS DISTINCT FROM (NEW.code, NEW.version, NEW.definition, NEW.digest, NEW.layout) THEN
        RAISE EXCEPTION 'a published definition never changes; publish another version'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON catalog.published_resource
    FOR EACH ROW EXECUTE FUNCTION catalog.keep_definition();
"""

# One operation is {"do", "table", …}; the names of tables are library.<table>_<code>.
SHAPE = r"""
CREATE FUNCTION library.shape(code text, operations jsonb) RETURNS void
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

CREATE FUNCTION library.column_of(described jsonb) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF described ->> 'name' !~ '^[a-z_][a-z0-9_]{0,62}$' THEN
        RAISE EXCEPTION 'no name of a column: %', described ->> 'name';
    END IF;
    IF described ->> 'type' NOT IN ('text', 'date', 'timestamptz', 'boolean', 'bigint', 'double precision', 'bytea',
        'numeric', 'smallint', 'integer', 'integer[]', 'text[]') THEN
        RAISE EXCEPTION 'no type of a column: %', described ->> 'type';
    END IF;
    RETURN format('%I %s%s', described ->> 'name', described ->> 'type',
        CASE WHEN (described ->> 'required')::boolean THEN ' NOT NULL' ELSE '' END);
END $$;

CREATE FUNCTION library.shape_recorded(code text, operations jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM catalog.published_resource AS known WHERE known.code = shape_recorded.code) THEN
        RAISE EXCEPTION 'resource % is not published', code USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT FROM ledger.entry
        WHERE transaction = pg_current_xact_id() AND kind = 'administration' AND facts ->> 'target' = shape_recorded.code
    ) THEN
        RAISE EXCEPTION 'a change of the tables of % has no ledger entry in its transaction', code
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM library.shape(code, operations);
END $$;

REVOKE ALL ON FUNCTION library.shape(text, jsonb), library.column_of(jsonb), library.shape_recorded(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION library.shape_recorded(text, jsonb) TO hub_application;
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.get_bind().exec_driver_sql(SHAPE.replace("%", "%%"))


def downgrade() -> None:
    op.execute("""
        DROP FUNCTION library.shape_recorded(text, jsonb), library.column_of(jsonb), library.shape(text, jsonb);
        DROP TABLE catalog.published_resource;
        DROP FUNCTION catalog.keep_definition()
    """)
