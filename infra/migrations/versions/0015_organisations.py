"""Organisations in their hierarchy, offices, people and their roles."""

from alembic import op

revision = "0015_organisations"
down_revision = "0014_shapes_since"
branch_labels = None
depends_on = None

ROLES = (
    "publisher", "user", "catalogue_authority", "system_administrator", "security_administrator", "audit_administrator",
)  # fmt: skip
EXCLUSIVE = ROLES[3:]


def upgrade() -> None:
    listed = ", ".join(f"'{role}'" for role in ROLES)
    administrators = " + ".join(f"('{role}' = ANY(roles))::integer" for role in EXCLUSIVE)
    op.execute(f"""
        ALTER TABLE catalog.organisation
            ADD COLUMN division text NOT NULL DEFAULT '500000',
            ADD COLUMN parent text REFERENCES catalog.organisation CHECK (parent <> code);
        ALTER TABLE catalog.organisation ALTER COLUMN division DROP DEFAULT;

        CREATE TABLE catalog.office (
            organisation text NOT NULL REFERENCES catalog.organisation,
            code text NOT NULL,
            name text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (organisation, code)
        );

        CREATE TABLE catalog.person (
            id text PRIMARY KEY,
            name text NOT NULL,
            organisation text NOT NULL REFERENCES catalog.organisation,
            office text,
            roles text[] NOT NULL CHECK (cardinality(roles) > 0 AND roles <@ ARRAY[{listed}]),
            status text NOT NULL CHECK (status IN ('active', 'suspended')),
            created_at timestamptz NOT NULL DEFAULT now(),
            FOREIGN KEY (organisation, office) REFERENCES catalog.office,
            CONSTRAINT administrators_exclude_one_another CHECK ({administrators} <= 1)
        );
    """)
    for table in ("office", "person"):
        op.execute(f"""
            CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change();
            CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE catalog.person, catalog.office;
        ALTER TABLE catalog.organisation DROP COLUMN parent, DROP COLUMN division
    """)
