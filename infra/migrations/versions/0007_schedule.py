"""Sources that are paused, and which runs re-read a window instead of going on from the watermark."""

from alembic import op

revision = "0007_schedule"
down_revision = "0007_shapes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE library.pause (
            source text PRIMARY KEY,
            reason text NOT NULL,
            actor text NOT NULL,
            since timestamptz NOT NULL
        );
        ALTER TABLE library.run
            ADD COLUMN window_from timestamptz,
            ADD COLUMN window_to timestamptz,
            ADD CHECK ((window_from IS NULL) = (window_to IS NULL));
        COMMENT ON COLUMN library.run.window_from IS 'set where the run re-read a window of the past';
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE library.pause;
        ALTER TABLE library.run DROP COLUMN window_from, DROP COLUMN window_to;
    """)
