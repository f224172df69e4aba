"""Pages learn which plan changed: grid's `grid_tell`."""

from django.db import migrations

OF_VERSION = "SELECT DISTINCT v.plan_id FROM changed c JOIN planning_planversion v ON v.id = c.version_id"
OF_PLAN = "SELECT DISTINCT plan_id FROM changed"
TOLD = {
    ("planning_plan", "INSERT"): "SELECT DISTINCT id FROM changed",
    ("planning_plan", "UPDATE"): "SELECT DISTINCT id FROM changed",
    ("planning_planrequest", "INSERT"): OF_PLAN,
    ("planning_planversion", "INSERT"): OF_PLAN,
    ("planning_vote", "INSERT"): OF_VERSION,
    ("planning_transition", "INSERT"): OF_PLAN,
    ("planning_alternative", "INSERT"): OF_VERSION,
}
TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER tell_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('plan', '{ids}');"""
    for (table, event), ids in TOLD.items()
)
TRIGGERS_REVERSED = "\n".join(f"DROP TRIGGER tell_{event.lower()} ON {table};" for table, event in TOLD)


class Migration(migrations.Migration):
    dependencies = [("planning", "0005_alternatives_append_only"), ("grid", "0004_tell")]

    operations = [migrations.RunSQL(TRIGGERS, TRIGGERS_REVERSED)]
