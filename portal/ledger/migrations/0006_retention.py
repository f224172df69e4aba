"""Exports stay as they are. A stream's beginning can be removed, and only where an anchor says so.

The guards of events and links are never lowered: they let a DELETE through where `ledger_cut` covers the row, and a row
comes into `ledger_cut` only when all of it is old enough, exported, covered by a checkpoint, and not the stream's end.
No process of the portal may write there; see docs/adr/0011.
"""

from django.db import migrations

NEW = ("ledger_export", "ledger_cut")
CUTTABLE = ("ledger_event", "ledger_link")

KEPT = "\n".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_table;
"""
    for table in NEW
)
KEPT_REVERSED = "\n".join(
    f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};" for table in NEW
)


def guards(function: str) -> str:
    """Which function the guards of events and links ask."""
    return "\n".join(
        f"CREATE OR REPLACE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {function}(); ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows;"
        for table in CUTTABLE
    )


CUT = """
CREATE FUNCTION ledger_refuse_rewrite() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF TG_TABLE_NAME = 'ledger_link' THEN
            IF EXISTS (SELECT FROM ledger_cut c WHERE c.stream = OLD.stream AND c.seq >= OLD.seq) THEN
                RETURN OLD;
            END IF;
        ELSIF EXISTS (SELECT FROM ledger_link l JOIN ledger_cut c ON c.stream = l.stream AND c.seq >= l.seq
                      WHERE l.event_id = OLD.id AND l.stream = OLD.stream) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Three years of evidence stay in any case. A demonstration sets portal.retention_floor_days; the row tells it.
CREATE FUNCTION ledger_cut_objection(cut ledger_cut) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN cut.minimum_age_days < coalesce(nullif(current_setting('portal.retention_floor_days', true), '')::integer, 1096)
            THEN 'three years stay'
        WHEN cut.before::timestamp AT TIME ZONE 'UTC' > clock_timestamp() - make_interval(days => cut.minimum_age_days)
            THEN 'the day is not long enough ago'
        WHEN cut.stream = 'retention' THEN 'what was removed stays on record'
        WHEN NOT EXISTS (SELECT FROM ledger_link l WHERE l.stream = cut.stream AND l.seq = cut.seq AND encode(l.hash, 'hex') = cut.hash)
            THEN 'there is no such event'
        WHEN NOT EXISTS (SELECT FROM ledger_link l WHERE l.stream = cut.stream AND l.seq > cut.seq)
            THEN 'the last event of a stream stays'
        WHEN EXISTS (SELECT FROM ledger_link l JOIN ledger_event e ON e.id = l.event_id WHERE l.stream = cut.stream AND l.seq <= cut.seq
                     AND e.at >= cut.before::timestamp AT TIME ZONE 'UTC') THEN 'not all of it is older than the day'
        WHEN NOT EXISTS (SELECT FROM ledger_checkpoint p, jsonb_array_elements(p.body::jsonb -> 'heads') h
                         WHERE p.number = cut.checkpoint AND h ->> 0 = cut.stream AND (h ->> 1)::bigint >= cut.seq)
            THEN 'the checkpoint does not cover it'
        WHEN NOT EXISTS (SELECT FROM ledger_export x WHERE x.id = cut.export_id AND (x.spans -> cut.stream ->> 1)::bigint >= cut.seq
                         AND (x.spans -> cut.stream ->> 0)::bigint <= (SELECT min(l.seq) FROM ledger_link l WHERE l.stream = cut.stream))
            THEN 'the export does not have it'
    END
$$;

CREATE FUNCTION ledger_check_cut() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    NEW.wall_at := clock_timestamp();
    NEW.events := (SELECT count(*) FROM ledger_link l WHERE l.stream = NEW.stream AND l.seq <= NEW.seq);
    objection := ledger_cut_objection(NEW);
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'cut of % at % refused: %', NEW.stream, NEW.seq, objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cut_is_due BEFORE INSERT ON ledger_cut FOR EACH ROW EXECUTE FUNCTION ledger_check_cut();
ALTER TABLE ledger_cut ENABLE ALWAYS TRIGGER cut_is_due;

-- A cut takes all of its beginning away in the transaction that states it.
CREATE FUNCTION ledger_check_cut_is_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_link l WHERE l.stream = NEW.stream AND l.seq <= NEW.seq) THEN
        RAISE EXCEPTION 'cut of % at % refused: a part of it is still there', NEW.stream, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cut_is_whole AFTER INSERT ON ledger_cut DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_check_cut_is_whole();
ALTER TABLE ledger_cut ENABLE ALWAYS TRIGGER cut_is_whole;
"""
CUT_REVERSED = """
DROP TRIGGER cut_is_whole ON ledger_cut;
DROP TRIGGER cut_is_due ON ledger_cut;
DROP FUNCTION ledger_check_cut_is_whole();
DROP FUNCTION ledger_check_cut();
DROP FUNCTION ledger_cut_objection(ledger_cut);
DROP FUNCTION ledger_refuse_rewrite();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_exports")]
    operations = [
        migrations.RunSQL(KEPT, KEPT_REVERSED),
        migrations.RunSQL(CUT, CUT_REVERSED),
        migrations.RunSQL(guards("ledger_refuse_rewrite"), guards("planning_refuse_rewrite")),
    ]
