"""Checkpoints and verifications stay as they are; a failed verification of the whole record holds what is to be sent."""

from django.db import migrations

TABLES = ("ledger_checkpoint", "ledger_verification", "ledger_holdrelease")

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

HOLD = """
-- Why nothing is claimed for sending; null: it is. The latest verification of the whole record decides.
CREATE FUNCTION ledger_hold() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format('the record failed its verification on %s UTC', to_char(v.wall_at AT TIME ZONE 'UTC', 'FMDD Mon HH24:MI'))
      FROM (SELECT * FROM ledger_verification WHERE scope = 'ALL' ORDER BY id DESC LIMIT 1) v
     WHERE NOT v.sound AND v.holds AND NOT EXISTS (SELECT FROM ledger_holdrelease r WHERE r.verification_id = v.id)
$$;

CREATE FUNCTION ledger_check_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF ledger_hold() IS NOT NULL THEN
        RAISE EXCEPTION 'sending is held: %', ledger_hold() USING ERRCODE = 'object_not_in_prerequisite_state';
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
DROP FUNCTION ledger_hold();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_checkpoints"), ("dispatch", "0003_fence")]
    operations = [migrations.RunSQL(KEPT, KEPT_REVERSED), migrations.RunSQL(HOLD, HOLD_REVERSED)]
