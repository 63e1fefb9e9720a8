"""What each channel has told whom, and how bad it was; what is claimed to be sent and not noted yet."""

from alembic import op

revision = "0031_notification_channels"
down_revision = "0030_contacts"
branch_labels = None
depends_on = None

NEW = """
    CREATE TABLE catalog.notification (
        channel text NOT NULL CHECK (channel IN ('webhook', 'smtp')),
        recipient text NOT NULL,
        finding text NOT NULL,
        severity text NOT NULL CHECK (severity IN ('alert', 'warning', 'notice')),
        days_late integer NOT NULL,
        message text NOT NULL,
        told_at timestamptz NOT NULL,
        PRIMARY KEY (channel, recipient, finding)
    );
    COMMENT ON COLUMN catalog.notification.recipient IS 'an organisation, or authority, of the webhook; a contact by its id';
    COMMENT ON COLUMN catalog.notification.message IS 'the id of the message that told it last';
    COMMENT ON COLUMN catalog.notification.days_late IS 'how late it was when it was told';
    CREATE TABLE catalog.notification_claim (
        channel text NOT NULL CHECK (channel IN ('webhook', 'smtp')),
        recipient text NOT NULL,
        message text NOT NULL UNIQUE,
        body text NOT NULL,
        findings jsonb NOT NULL,
        claimed_at timestamptz NOT NULL,
        PRIMARY KEY (channel, recipient)
    );
    COMMENT ON TABLE catalog.notification_claim IS 'messages being sent; what a run that died has left is sent again by the same id';
"""
OLD = """
    CREATE TABLE catalog.notification (
        finding text PRIMARY KEY,
        organisation text,
        message text NOT NULL,
        told_at timestamptz NOT NULL
    );
"""
RECORDED = """
    CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
"""


def upgrade() -> None:
    """What was told before counts as told at its worst: it is told again after days, not at once."""
    op.execute("ALTER TABLE catalog.notification RENAME TO notification_before")
    op.execute("ALTER INDEX catalog.notification_pkey RENAME TO notification_before_pkey")
    op.execute(NEW)
    op.execute("""
        INSERT INTO catalog.notification
            SELECT 'webhook', coalesce(organisation, 'authority'), finding, 'alert', 1000000, message, told_at
            FROM catalog.notification_before;
        DROP TABLE catalog.notification_before;
    """)
    for table in ("notification", "notification_claim"):
        op.execute(RECORDED.format(table))


def downgrade() -> None:
    """What was told is told anew."""
    op.execute("DROP TABLE catalog.notification_claim, catalog.notification")
    op.execute(OLD + RECORDED.format("notification"))
