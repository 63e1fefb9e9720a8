"""The last batch with the old columns beside each change of a source's columns, and that a change was taken back."""

from alembic import op

revision = "0014_shapes_since"
down_revision = "0013_pushes"
branch_labels = None
depends_on = None

_OUTCOMES = "'first', 'taken', 'quarantined', 'refused', 'accepted'"


def upgrade() -> None:
    op.execute(f"""
        ALTER TABLE library.shape ADD COLUMN since integer REFERENCES library.batch,
            DROP CONSTRAINT shape_outcome_check,
            ADD CONSTRAINT shape_outcome_check CHECK (outcome IN ({_OUTCOMES}, 'returned'))
    """)


def downgrade() -> None:
    op.execute(f"""
        DELETE FROM library.shape WHERE outcome = 'returned';
        ALTER TABLE library.shape DROP COLUMN since,
            DROP CONSTRAINT shape_outcome_check,
            ADD CONSTRAINT shape_outcome_check CHECK (outcome IN ({_OUTCOMES}))
    """)
