"""Schemas of catalogue, ledger and library, and what each role may do in them.

The roles themselves belong to the cluster and are made by ``infra.logins.prepare``. Default privileges give every
later object of ``hub_owner`` its grants, so a new table cannot forget them.
"""

from alembic import op

revision = "0001_roles_and_schemas"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE SCHEMA catalog;
CREATE SCHEMA ledger;
CREATE SCHEMA library;

GRANT USAGE ON SCHEMA catalog, ledger, library, migration TO hub_application;
GRANT USAGE ON SCHEMA ledger TO hub_auditor;

ALTER DEFAULT PRIVILEGES FOR ROLE hub_owner IN SCHEMA catalog, library
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hub_application;
ALTER DEFAULT PRIVILEGES FOR ROLE hub_owner IN SCHEMA ledger
    GRANT SELECT, INSERT ON TABLES TO hub_application;
ALTER DEFAULT PRIVILEGES FOR ROLE hub_owner IN SCHEMA catalog, ledger, library
    GRANT USAGE ON SEQUENCES TO hub_application;
ALTER DEFAULT PRIVILEGES FOR ROLE hub_owner IN SCHEMA ledger
    GRANT SELECT ON TABLES TO hub_auditor;

GRANT SELECT ON migration.alembic_version TO hub_application;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    op.execute("REVOKE ALL ON migration.alembic_version FROM hub_application")
    op.execute("REVOKE ALL ON SCHEMA migration FROM hub_application")
    op.execute("DROP SCHEMA library, ledger, catalog CASCADE")
