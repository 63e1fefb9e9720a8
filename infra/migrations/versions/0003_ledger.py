"""The ledger: entries, leaves, checkpoints and call statistics, none of which can be changed or taken away.

Nobody has UPDATE or DELETE but the owner, and triggers stop the owner's slips, too. A change of the catalogue does
not commit without an entry of its own transaction.
"""

from alembic import op

revision = "0003_ledger"
down_revision = "0002_catalog"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE ledger.entry (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('call', 'refusal', 'ingest', 'administration')),
    action text NOT NULL,
    actor text,
    organisation text,
    agreement text,
    resource text,
    keys integer NOT NULL,
    subjects bytea,
    items text[],
    purpose text,
    legal_basis text,
    case_code text,
    outcome text NOT NULL,
    problem text,
    records integer NOT NULL,
    duration integer NOT NULL,
    request text,
    facts jsonb,
    detail bytea,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ON ledger.entry (transaction);
COMMENT ON COLUMN ledger.entry.subjects IS 'blind indexes of the keys asked for, 16 bytes each, one after the other';
COMMENT ON COLUMN ledger.entry.duration IS 'microseconds until the entry was made';
COMMENT ON COLUMN ledger.entry.facts IS 'what an administration or ingest did, without personal values';
COMMENT ON COLUMN ledger.entry.detail IS 'sealed; its key can be destroyed without breaking the proof';
COMMENT ON COLUMN ledger.entry.transaction IS 'tells the sealer which entries can no longer be preceded by others';

CREATE TABLE ledger.leaf (
    number bigint PRIMARY KEY,
    entry uuid NOT NULL UNIQUE REFERENCES ledger.entry,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE ledger.checkpoint (
    size bigint PRIMARY KEY,
    root bytea NOT NULL,
    frontier bytea[] NOT NULL,
    horizon xid8 NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    note text NOT NULL
);

CREATE TABLE ledger.statistic (
    checkpoint bigint NOT NULL REFERENCES ledger.checkpoint,
    hour timestamptz NOT NULL,
    kind text NOT NULL,
    action text NOT NULL,
    actor text,
    organisation text,
    resource text,
    purpose text,
    legal_basis text,
    outcome text NOT NULL,
    problem text,
    entries bigint NOT NULL,
    keys bigint NOT NULL,
    records bigint NOT NULL,
    duration bigint NOT NULL
);
CREATE INDEX ON ledger.statistic (hour);

-- Each checkpoint adds rows; their sum is the statistic.
CREATE VIEW ledger.statistics AS
    SELECT hour, kind, action, actor, organisation, resource, purpose, legal_basis, outcome, problem,
        sum(entries)::bigint AS entries, sum(keys)::bigint AS keys, sum(records)::bigint AS records,
        sum(duration)::bigint AS duration
    FROM ledger.statistic
    GROUP BY hour, kind, action, actor, organisation, resource, purpose, legal_basis, outcome, problem;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION ledger.require_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.entry WHERE transaction = pg_current_xact_id() AND kind = 'administration'
    ) THEN
        RAISE EXCEPTION 'a change of catalog.% has no ledger entry in its transaction', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""

APPEND_ONLY = ("entry", "leaf", "checkpoint", "statistic")
RECORDED = ("organisation", "system", "agreement")


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
        """)
    for table in RECORDED:
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.{table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry()
        """)


def downgrade() -> None:
    for table in RECORDED:
        op.execute(f"DROP TRIGGER recorded ON catalog.{table}")
    op.execute("""
        DROP VIEW ledger.statistics;
        DROP TABLE ledger.statistic, ledger.checkpoint, ledger.leaf, ledger.entry;
        DROP FUNCTION ledger.refuse_change(), ledger.require_entry();
    """)
