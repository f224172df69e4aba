"""The clock inside PostgreSQL: what time it is, and standing still while a vote is awaited.

grid/clock.py does the same arithmetic for values it already holds; tests/grid/test_clock.py compares the two.
"""

from django.db import migrations

# Scenario time of a row at a wall instant. One place for the arithmetic, so that holding and reading cannot differ.
# Microseconds are rounded as Python rounds a timedelta.
CLOCK_AT = """
CREATE FUNCTION grid_clock_at(clock grid_clock, wall timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN clock.mode = 'LIVE' THEN wall
        WHEN clock.paused OR (clock.vote_pending AND clock.hold_for_votes) THEN clock.scenario_anchor
        ELSE clock.scenario_anchor + greatest(wall - clock.wall_anchor, interval '0') * clock.speed
    END
$$;
"""

# VOLATILE: two calls in one transaction may differ, as two looks at a clock do. Without a row time is wall time.
PORTAL_NOW = """
CREATE FUNCTION portal_now() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    clock grid_clock;
BEGIN
    SELECT * INTO clock FROM grid_clock WHERE id = 1;
    IF NOT FOUND THEN
        RETURN clock_timestamp();
    END IF;
    RETURN grid_clock_at(clock, clock_timestamp());
END $$;
"""

# Called by planning's trigger in whichever role changes a plan, hence SECURITY DEFINER. Re-anchoring at the scenario
# instant of the change means that time neither jumps nor runs on. The row is locked only when something changes.
HOLD_CLOCK = """
CREATE FUNCTION grid_hold_clock(pending boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    clock grid_clock;
    wall timestamptz;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM grid_clock WHERE id = 1 AND vote_pending IS DISTINCT FROM pending) THEN
        RETURN;
    END IF;
    SELECT * INTO clock FROM grid_clock WHERE id = 1 FOR UPDATE;
    wall := clock_timestamp();
    IF clock.mode = 'LIVE' THEN
        UPDATE grid_clock SET vote_pending = pending WHERE id = 1;
    ELSE
        UPDATE grid_clock
        SET vote_pending = pending, scenario_anchor = grid_clock_at(clock, wall), wall_anchor = wall
        WHERE id = 1;
    END IF;
END $$;
REVOKE ALL ON FUNCTION grid_hold_clock(boolean) FROM PUBLIC;
"""

APPEND_ONLY = """
CREATE FUNCTION grid_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON grid_clockchange
    FOR EACH ROW EXECUTE FUNCTION grid_refuse_rewrite();
ALTER TABLE grid_clockchange ENABLE ALWAYS TRIGGER append_only_rows;
"""
APPEND_ONLY_REVERSED = """
DROP TRIGGER append_only_rows ON grid_clockchange;
DROP FUNCTION grid_refuse_rewrite();
"""


class Migration(migrations.Migration):
    dependencies = [("grid", "0001_initial")]

    operations = [
        migrations.RunSQL(CLOCK_AT, "DROP FUNCTION grid_clock_at(grid_clock, timestamptz)"),
        migrations.RunSQL(PORTAL_NOW, "DROP FUNCTION portal_now()"),
        migrations.RunSQL(HOLD_CLOCK, "DROP FUNCTION grid_hold_clock(boolean)"),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_REVERSED),
    ]
