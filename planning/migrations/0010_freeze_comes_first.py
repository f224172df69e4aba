"""A freeze and what goes on at the same instant, one after the other: once a freeze is on record, nothing follows.

Deciding and sending share a lock that a freeze takes alone: it waits for what has been checked and not yet committed,
and what comes after waits for the freeze and then sees it. The triggers' names put them before those that look.

A freeze waits no longer than MOST: somebody who hangs in the middle of a decision must not hold up the kill switch.
It is the last lock taken before the ledger's, so those who wait for it hold nothing a freeze needs.
"""

from django.db import migrations

LOCK = 0xF4EE2E
MOST = "2s"

FREEZE = f"""
CREATE FUNCTION planning_freeze_alone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '{MOST}' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({LOCK});
    RETURN NEW;
EXCEPTION WHEN lock_not_available THEN
    RETURN NEW;
END $$;
CREATE FUNCTION planning_let_freezes_first() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NEW;
END $$;
CREATE TRIGGER a_freeze_stands_alone BEFORE INSERT ON planning_freeze FOR EACH ROW EXECUTE FUNCTION planning_freeze_alone();
CREATE TRIGGER a_freeze_comes_first BEFORE INSERT ON planning_vote FOR EACH ROW EXECUTE FUNCTION planning_let_freezes_first();
CREATE TRIGGER a_freeze_comes_first BEFORE INSERT ON planning_breakglass
    FOR EACH ROW EXECUTE FUNCTION planning_let_freezes_first();
ALTER TABLE planning_freeze ENABLE ALWAYS TRIGGER a_freeze_stands_alone;
ALTER TABLE planning_vote ENABLE ALWAYS TRIGGER a_freeze_comes_first;
ALTER TABLE planning_breakglass ENABLE ALWAYS TRIGGER a_freeze_comes_first;
"""
REVERSED = """
DROP TRIGGER a_freeze_comes_first ON planning_breakglass;
DROP TRIGGER a_freeze_comes_first ON planning_vote;
DROP TRIGGER a_freeze_stands_alone ON planning_freeze;
DROP FUNCTION planning_let_freezes_first();
DROP FUNCTION planning_freeze_alone();
"""


class Migration(migrations.Migration):
    dependencies = [("planning", "0009_default_policy")]

    operations = [migrations.RunSQL(FREEZE, REVERSED)]
