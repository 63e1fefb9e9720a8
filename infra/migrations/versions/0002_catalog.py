"""Organisations, their systems, their agreements; each change is announced on the channel ``catalog_changed``."""

from alembic import op

revision = "0002_catalog"
down_revision = "0001_roles_and_schemas"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE catalog.organisation (
    code text PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE catalog.system (
    id text PRIMARY KEY,
    organisation text NOT NULL REFERENCES catalog.organisation,
    title text NOT NULL,
    keys jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE catalog.agreement (
    id text PRIMARY KEY,
    system text NOT NULL REFERENCES catalog.system,
    resource text NOT NULL,
    items text[] NOT NULL CHECK (cardinality(items) > 0),
    masked text[] NOT NULL CHECK (masked <@ items),
    purposes text[] NOT NULL CHECK (cardinality(purposes) > 0),
    legal_bases text[] NOT NULL CHECK (cardinality(legal_bases) > 0),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz NOT NULL CHECK (valid_to > valid_from),
    status text NOT NULL CHECK (status IN ('in_force', 'suspended', 'ended')),
    max_keys integer NOT NULL CHECK (max_keys BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON catalog.agreement (system, resource);

-- Assertions of RFC 7523 already used, so that none is taken twice by any process; kept until they expire.
CREATE TABLE catalog.used_assertion (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ON catalog.used_assertion (expires_at);

CREATE FUNCTION catalog.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('catalog_changed', TG_TABLE_NAME);
    RETURN NULL;
END $$;

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.organisation
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.system
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.agreement
    FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    op.execute("""
        DROP TABLE catalog.used_assertion, catalog.agreement, catalog.system, catalog.organisation;
        DROP FUNCTION catalog.announce_change();
    """)
