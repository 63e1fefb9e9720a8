"""Say which system or agreement changed, so that a process loads that one and not all.

Processes of before hear the longer word as well: they load everything at any.
"""

from alembic import op

revision = "0021_row_changes"
down_revision = "0020_entries"
branch_labels = None
depends_on = None

TABLES = ("system", "agreement")


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION catalog.announce_row() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            id text := coalesce(NEW.id, OLD.id);
        BEGIN
            -- a notification holds less than 8,000 bytes
            PERFORM pg_notify('catalog_changed', TG_TABLE_NAME || CASE WHEN octet_length(id) < 7000 THEN ' ' || id ELSE '' END);
            RETURN NULL;
        END $$
    """)
    for table in TABLES:
        op.execute(f"""
            DROP TRIGGER announce ON catalog.{table};
            CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                FOR EACH ROW EXECUTE FUNCTION catalog.announce_row()
        """)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"""
            DROP TRIGGER announce ON catalog.{table};
            CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_change()
        """)
    op.execute("DROP FUNCTION catalog.announce_row()")
