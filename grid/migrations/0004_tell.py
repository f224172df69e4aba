"""Pages learn what changed: NOTIFY portal_live with "topic id" when a statement's transaction commits; never content.

The functions serve every app's triggers (`grid` is the lowest app). A statement that changed many rows tells each id
once, and PostgreSQL drops repetitions within a transaction, so a burst of rows is a few notifications.
"""

from django.db import migrations

TELL = """
-- For triggers with a transition table `changed`: tells the topic (argument 1) of each id the query (argument 2) finds.
CREATE FUNCTION grid_tell() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found_id text;
BEGIN
    FOR found_id IN EXECUTE TG_ARGV[1] LOOP
        PERFORM pg_notify('portal_live', TG_ARGV[0] || ' ' || found_id);
    END LOOP;
    RETURN NULL;
END $$;

-- The topic as a whole, whatever the statement did.
CREATE FUNCTION grid_tell_any() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_notify('portal_live', TG_ARGV[0] || ' *');
    RETURN NULL;
END $$;
"""
TELL_REVERSED = """
DROP FUNCTION grid_tell_any();
DROP FUNCTION grid_tell();
"""

SOMETHING = "SELECT ''*'' FROM changed LIMIT 1"
TOLD = {
    "grid_snapshot": "grid",
    "grid_forecastvintage": "grid",
    "grid_forecastpoint": "grid",
    "grid_weatherobservation": "grid",
    "grid_clock": "clock",
}
TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER tell_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('{topic}', '{SOMETHING}');"""
    for table, topic in TOLD.items()
    for event in ("INSERT", "UPDATE")
)
TRIGGERS_REVERSED = "\n".join(
    f"DROP TRIGGER tell_{event} ON {table};" for table in TOLD for event in ("insert", "update")
)


class Migration(migrations.Migration):
    dependencies = [("grid", "0003_clock_row")]

    operations = [
        migrations.RunSQL(TELL, TELL_REVERSED),
        migrations.RunSQL(TRIGGERS, TRIGGERS_REVERSED),
    ]
