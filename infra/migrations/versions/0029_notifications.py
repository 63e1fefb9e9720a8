"""What was told of what stands undone, so that nobody is told the same twice."""

from alembic import op

revision = "0029_notifications"
down_revision = "0028_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.notification (
            finding text PRIMARY KEY,
            organisation text,
            message text NOT NULL,
            told_at timestamptz NOT NULL
        );
        COMMENT ON COLUMN catalog.notification.organisation IS 'whose finding it is; null for the authority';
        COMMENT ON COLUMN catalog.notification.message IS 'the webhook-id of the message that told it last';
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.notification
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.notification")
