"""Pages learn which cohort changed: grid's `grid_tell`, once per cohort however many accounts or endpoints did."""

from django.db import migrations

TOLD = {
    "cohorts_cohort": "SELECT DISTINCT id FROM changed",
    "cohorts_account": "SELECT DISTINCT cohort_id FROM changed",
    "cohorts_endpoint": "SELECT DISTINCT a.cohort_id FROM changed c JOIN cohorts_account a ON a.id = c.account_id",
}
TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER tell_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('cohort', '{ids}');"""
    for table, ids in TOLD.items()
    for event in ("INSERT", "UPDATE")
)
TRIGGERS_REVERSED = "\n".join(
    f"DROP TRIGGER tell_{event} ON {table};" for table in TOLD for event in ("insert", "update")
)


class Migration(migrations.Migration):
    dependencies = [("cohorts", "0002_append_only"), ("grid", "0004_tell")]

    operations = [migrations.RunSQL(TRIGGERS, TRIGGERS_REVERSED)]
