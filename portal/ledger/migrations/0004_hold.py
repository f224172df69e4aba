"""Checkpoints, verifications and receipts stay; a record that failed its verification holds what is to be sent."""

from django.db import migrations

TABLES = ("ledger_checkpoint", "ledger_verification", "ledger_holdrelease", "dispatch_receipt")

KEPT = "\n".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_table;
"""
    for table in TABLES
)
KEPT_REVERSED = "\n".join(
    f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};" for table in TABLES
)

NOT_EMPTIED = """
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON grid_clockchange
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON cohorts_cohortchange
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE grid_clockchange ENABLE ALWAYS TRIGGER append_only_table;
ALTER TABLE cohorts_cohortchange ENABLE ALWAYS TRIGGER append_only_table;
"""
NOT_EMPTIED_REVERSED = """
DROP TRIGGER append_only_table ON grid_clockchange;
DROP TRIGGER append_only_table ON cohorts_cohortchange;
"""

HOLD = """
-- What the latest verification of the whole record found wrong, until a person lets it be; null: nothing.
CREATE FUNCTION ledger_alarm() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format('the record failed its verification %s of %s UTC', v.id, to_char(v.wall_at AT TIME ZONE 'UTC', 'FMDD Mon HH24:MI'))
      FROM (SELECT * FROM ledger_verification WHERE scope = 'ALL' ORDER BY id DESC LIMIT 1) v
     WHERE NOT v.sound AND NOT EXISTS (SELECT FROM ledger_holdrelease r WHERE r.verification_id = v.id)
$$;

-- Dispatch asks planning whether anything holds sending (planning/migrations, `planning_sending_hold`); this is the answer.
CREATE OR REPLACE FUNCTION planning_sending_hold() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ledger_alarm() FROM (SELECT * FROM ledger_verification WHERE scope = 'ALL' ORDER BY id DESC LIMIT 1) v WHERE v.holds
$$;

CREATE FUNCTION ledger_check_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF planning_sending_hold() IS NOT NULL THEN
        RAISE EXCEPTION 'sending is frozen: %', planning_sending_hold() USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_check_claim() FROM PUBLIC;
CREATE TRIGGER record_is_sound BEFORE INSERT ON dispatch_claim FOR EACH ROW EXECUTE FUNCTION ledger_check_claim();
ALTER TABLE dispatch_claim ENABLE ALWAYS TRIGGER record_is_sound;
"""
HOLD_REVERSED = """
DROP TRIGGER record_is_sound ON dispatch_claim;
DROP FUNCTION ledger_check_claim();
CREATE OR REPLACE FUNCTION planning_sending_hold() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS 'SELECT NULL::text';
DROP FUNCTION ledger_alarm();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("planning", "0013_sending_hold"),
        ("ledger", "0003_checkpoints"),
        ("dispatch", "0003_fence"),
        ("grid", "0002_clock_functions"),
        ("cohorts", "0002_append_only"),
    ]
    operations = [
        migrations.RunSQL(KEPT, KEPT_REVERSED),
        migrations.RunSQL(NOT_EMPTIED, NOT_EMPTIED_REVERSED),
        migrations.RunSQL(HOLD, HOLD_REVERSED),
    ]
