"""Objections, what they put in doubt, the recall notices they end in, and which calls read a subject.

A doubt is announced as the rest of the catalogue is, so that every process marks it within a second.
"""

from alembic import op

revision = "0024_objections"
down_revision = "0023_applications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SEQUENCE catalog.objection_number;
        CREATE TABLE catalog.objection (
            id text PRIMARY KEY,
            kind text NOT NULL,
            resource text NOT NULL,
            items text[] NOT NULL,
            subject bytea CHECK (octet_length(subject) = 16),
            answer uuid,
            case_code text NOT NULL,
            version integer,
            source text,
            office text,
            outcome text CHECK (outcome IN ('corrected', 'kept', 'amended')),
            score integer CHECK (score BETWEEN 1 AND 5),
            solved boolean,
            sealed bytea NOT NULL,
            CHECK ((subject IS NULL) = (version IS NULL)),
            CHECK ((score IS NULL) = (solved IS NULL))
        );
        COMMENT ON COLUMN catalog.objection.subject IS 'blind index of the key; the key itself is sealed';
        COMMENT ON COLUMN catalog.objection.sealed IS 'key, claim and proof';

        CREATE TABLE catalog.doubt (
            objection text NOT NULL REFERENCES catalog.objection,
            item text NOT NULL,
            resource text NOT NULL,
            subject bytea NOT NULL,
            organisation text NOT NULL,
            since timestamptz NOT NULL,
            is_open boolean NOT NULL,
            corrected_version integer,
            wrong_from timestamptz,
            wrong_until timestamptz,
            is_recalled boolean NOT NULL DEFAULT false,
            PRIMARY KEY (objection, item),
            CHECK (NOT (is_open AND corrected_version IS NOT NULL))
        );
        CREATE UNIQUE INDEX ON catalog.doubt (resource, subject, item, organisation) WHERE is_open;
        CREATE INDEX ON catalog.doubt (resource) WHERE corrected_version IS NOT NULL AND NOT is_recalled;
        COMMENT ON COLUMN catalog.doubt.item IS 'empty: the record as a whole';
        COMMENT ON COLUMN catalog.doubt.is_recalled IS 'no call that read the wrong value can still come to the ledger';

        CREATE TABLE catalog.recall_notice (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            system text NOT NULL,
            organisation text NOT NULL,
            objection text NOT NULL REFERENCES catalog.objection,
            entry uuid NOT NULL,
            resource text NOT NULL,
            item text NOT NULL,
            case_code text,
            called_at timestamptz NOT NULL,
            wrong_from timestamptz NOT NULL,
            wrong_until timestamptz NOT NULL,
            corrected_version integer NOT NULL,
            made_at timestamptz NOT NULL,
            acknowledged_at timestamptz,
            acknowledged_by text,
            UNIQUE (objection, entry, item)
        );
        CREATE INDEX ON catalog.recall_notice (system, number);
        CREATE INDEX ON catalog.recall_notice (organisation, number);
        COMMENT ON TABLE catalog.recall_notice IS 'holds no value and no key: the entry leads its system to both';

        CREATE FUNCTION catalog.announce_doubt() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('catalog_changed', 'doubt ' || coalesce(NEW.objection, OLD.objection));
            RETURN NULL;
        END $$;
        CREATE TRIGGER announce AFTER INSERT OR DELETE OR UPDATE OF is_open ON catalog.doubt
            FOR EACH ROW EXECUTE FUNCTION catalog.announce_doubt();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.objection
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR DELETE OR UPDATE ON catalog.doubt
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();
        CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON catalog.recall_notice
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_entry();

        CREATE TABLE ledger.segment (
            number bigint PRIMARY KEY,
            first_at timestamptz NOT NULL,
            last_at timestamptz NOT NULL
        );
        CREATE TABLE ledger.segment_subject (
            head smallint NOT NULL,
            segment bigint NOT NULL REFERENCES ledger.segment,
            prints bytea NOT NULL,
            PRIMARY KEY (head, segment)
        );
        COMMENT ON TABLE ledger.segment_subject IS
            'of each subject asked for in a segment of leaves, by its first byte: the next four, and which leaf it was';
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.segment
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.segment_subject
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE ledger.segment_subject, ledger.segment;
        DROP TABLE catalog.recall_notice, catalog.doubt, catalog.objection;
        DROP FUNCTION catalog.announce_doubt();
        DROP SEQUENCE catalog.objection_number;
    """)
