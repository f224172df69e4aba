"""Pages learn of which plan signals went out, and how its event goes: grid's `grid_tell`, with the plan's id.

Telemetry and outcomes come for thousands of endpoints in one statement; that is one notification per plan.
"""

from django.db import migrations

OF_CLAIM = "SELECT DISTINCT k.plan_id FROM changed c JOIN dispatch_claim k ON k.id = c.claim_id"
OF_SIGNAL = (
    "SELECT DISTINCT k.plan_id FROM (SELECT DISTINCT signal_id FROM changed) c"
    " JOIN dispatch_signal s ON s.id = c.signal_id JOIN dispatch_claim k ON k.id = s.claim_id"
)
TOLD = {
    ("dispatch_claim", "INSERT"): ("signal", "SELECT DISTINCT plan_id FROM changed"),
    ("dispatch_signal", "INSERT"): ("signal", OF_CLAIM),
    ("dispatch_signal", "UPDATE"): ("signal", OF_CLAIM),
    ("dispatch_receipt", "INSERT"): ("signal", OF_SIGNAL),
    ("dispatch_cohorttelemetry", "INSERT"): ("event", OF_SIGNAL),
    ("dispatch_cohorttelemetry", "UPDATE"): ("event", OF_SIGNAL),
    ("dispatch_endpointoutcome", "INSERT"): ("event", OF_SIGNAL),
    ("dispatch_endpointoutcome", "UPDATE"): ("event", OF_SIGNAL),
    ("dispatch_eventresult", "INSERT"): ("event", OF_CLAIM),
    ("dispatch_eventresult", "UPDATE"): ("event", OF_CLAIM),
}
TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER tell_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('{topic}', '{ids}');"""
    for (table, event), (topic, ids) in TOLD.items()
)
TRIGGERS_REVERSED = "\n".join(f"DROP TRIGGER tell_{event.lower()} ON {table};" for table, event in TOLD)


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0003_fence"), ("grid", "0004_tell")]

    operations = [migrations.RunSQL(TRIGGERS, TRIGGERS_REVERSED)]
