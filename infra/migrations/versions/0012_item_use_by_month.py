"""Uses of items counted by month: a year of many agreements, read daily, is answered from thousands of rows and not millions."""

from alembic import op

revision = "0012_item_use_by_month"
down_revision = "0011_code_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE catalog.item_use RENAME TO item_use_by_day;
        CREATE TABLE catalog.item_use (
            resource text NOT NULL,
            item text NOT NULL,
            month date NOT NULL CHECK (extract(day FROM month) = 1),
            agreement text NOT NULL,
            system text NOT NULL,
            calls bigint NOT NULL,
            records bigint NOT NULL,
            last_day date NOT NULL,
            PRIMARY KEY (resource, item, month, agreement)
        );
        INSERT INTO catalog.item_use
            SELECT resource, item, date_trunc('month', day)::date, agreement, min(system), sum(calls), sum(records), max(day)
            FROM catalog.item_use_by_day GROUP BY 1, 2, 3, 4;
        DROP TABLE catalog.item_use_by_day;
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE catalog.item_use RENAME COLUMN month TO day;
        ALTER TABLE catalog.item_use DROP COLUMN last_day
    """)
