"""Local accounts: password, lock-out, second factor; and which sessions are of a password that was given."""

from alembic import op

revision = "0018_accounts"
down_revision = "0017_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE catalog.account (
            person text PRIMARY KEY REFERENCES catalog.person,
            password text NOT NULL CHECK (password LIKE '$argon2id$%'),
            given_until timestamptz,
            failures integer NOT NULL CHECK (failures >= 0),
            locked_until timestamptz,
            totp bytea,
            totp_new bytea,
            totp_step bigint,
            recovery bytea[] NOT NULL
        );
        COMMENT ON COLUMN catalog.account.given_until IS 'of a password that was given, and is to be changed';
        COMMENT ON COLUMN catalog.account.failures IS 'in a row, as of password and code';
        COMMENT ON COLUMN catalog.account.totp IS 'the secret, sealed';
        COMMENT ON COLUMN catalog.account.totp_new IS 'a secret that is not confirmed yet, sealed';
        COMMENT ON COLUMN catalog.account.totp_step IS 'of the clock whose code was used last';
        COMMENT ON COLUMN catalog.account.recovery IS 'keyed digests of the codes that are left';
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.account
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE catalog.account")
