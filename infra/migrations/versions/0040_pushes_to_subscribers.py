"""Where subscribers are told of changes, how far they have been told, and what they did not take."""

from alembic import op

revision = "0040_pushes_to_subscribers"
down_revision = "0039_ordered_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.subscription_push (
            subscription text PRIMARY KEY REFERENCES catalog.subscription,
            url text NOT NULL,
            thin boolean NOT NULL,
            secret bytea NOT NULL,
            status text NOT NULL CHECK (status IN ('running', 'stopped')),
            position bigint NOT NULL,
            sight bytea NOT NULL,
            until bigint,
            attempts integer NOT NULL DEFAULT 0,
            reason text,
            next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            claim uuid,
            claimed_until timestamptz,
            taken_at timestamptz
        );
        COMMENT ON COLUMN catalog.subscription_push.secret IS 'sealed; what messages are signed with';
        COMMENT ON COLUMN catalog.subscription_push.until IS 'end of the stretch that was sent and not yet taken: a repeat is the same message';

        CREATE TABLE catalog.dead_letter (
            subscription text NOT NULL REFERENCES catalog.subscription,
            message text NOT NULL,
            position bigint NOT NULL,
            until bigint NOT NULL,
            attempts integer NOT NULL,
            reason text NOT NULL,
            died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (subscription, message)
        );
        COMMENT ON TABLE catalog.dead_letter IS 'stretches of a feed that a subscriber did not take; what they hold is in the feed';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.dead_letter, catalog.subscription_push")
