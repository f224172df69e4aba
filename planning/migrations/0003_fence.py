"""What PostgreSQL itself refuses, whoever writes the SQL: altered content, unentitled votes, rewritten history.

`planning_vote_objection` is the one place that says who may vote; the insert trigger and the count both ask it, so a vote that
was entitled when cast and no longer is (the person left, lost the role) does not count either.
"""

from django.db import migrations

APPEND_ONLY = (
    "planning_planrequest",
    "planning_planversion",
    "planning_plannedevent",
    "planning_vote",
    "planning_transition",
    "planning_planrefusal",
)

CHECKS = """
ALTER TABLE planning_planversion ADD CONSTRAINT plan_version_hash_is_of_content
    CHECK (content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex'));
ALTER TABLE planning_plannedevent ADD CONSTRAINT planned_event_hash_is_of_payload
    CHECK (payload_sha256 = encode(sha256(payload), 'hex'));

-- What the guards below read must be there: a guard that meets null would otherwise wave the row through.
CREATE FUNCTION planning_content_is_whole(content text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN coalesce(
        content::jsonb ?& ARRAY['plan_number', 'version', 'mode', 'strategy', 'window_start', 'window_end', 'target_mw',
            'planned_p50_mw', 'firm_p90_mw', 'confidence', 'cost_usd', 'value_usd', 'rebound_mwh', 'band', 'cohorts',
            'rationale', 'grid', 'forecast', 'planner_build', 'renderer_version', 'payloads', 'required_approvals',
            'largest_interval_p50_mw']
        AND (content::jsonb ->> 'largest_interval_p50_mw')::numeric >= 0
        AND (content::jsonb ->> 'required_approvals')::integer >= 1
        AND jsonb_typeof(content::jsonb -> 'payloads') = 'array'
        AND jsonb_array_length(content::jsonb -> 'payloads') >= 1, false);
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;
ALTER TABLE planning_planversion ADD CONSTRAINT plan_version_content_is_whole CHECK (planning_content_is_whole(content));
ALTER TABLE planning_vote ADD CONSTRAINT vote_decision_is_known CHECK (decision IN ('APPROVE', 'REJECT'));

CREATE FUNCTION planning_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
CHECKS_REVERSED = """
DROP FUNCTION planning_refuse_rewrite();
ALTER TABLE planning_plannedevent DROP CONSTRAINT planned_event_hash_is_of_payload;
ALTER TABLE planning_planversion DROP CONSTRAINT plan_version_hash_is_of_content;
ALTER TABLE planning_vote DROP CONSTRAINT vote_decision_is_known;
ALTER TABLE planning_planversion DROP CONSTRAINT plan_version_content_is_whole;
DROP FUNCTION planning_content_is_whole(text);
"""

APPEND_ONLY_TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_table;
"""
    for table in APPEND_ONLY
)
APPEND_ONLY_TRIGGERS_REVERSED = "\n".join(
    f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};" for table in APPEND_ONLY
)

VOTES = """
CREATE FUNCTION planning_holds(person bigint, permission text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM portal_user u
        JOIN portal_user_groups ug ON ug.user_id = u.id
        JOIN auth_group_permissions gp ON gp.group_id = ug.group_id
        JOIN auth_permission p ON p.id = gp.permission_id
        JOIN django_content_type ct ON ct.id = p.content_type_id
        WHERE u.id = person AND u.is_active AND ct.app_label = 'planning' AND p.codename = permission)
$$;

-- The largest interval as the content says, unless its events add up to more than twice that at any start: a small claim
-- hides no large event. Events tell gross means and the content net MW after rebound, so they differ honestly by some.
CREATE FUNCTION planning_largest_mw(version bigint) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN added.mw > 2 * claimed.mw THEN added.mw ELSE claimed.mw END
    FROM (SELECT (content::jsonb ->> 'largest_interval_p50_mw')::numeric AS mw
          FROM planning_planversion WHERE id = version) claimed,
         (SELECT max((SELECT sum(o.mean_mw) FROM planning_plannedevent o
                      WHERE o.version_id = version AND o.starts_at <= e.starts_at AND e.starts_at < o.ends_at)) AS mw
          FROM planning_plannedevent e WHERE e.version_id = version) added
$$;

CREATE FUNCTION planning_vote_objection(person bigint, version bigint, decision text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = version;
    IF NOT FOUND THEN
        RETURN 'there is no such version';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_planrequest r WHERE r.plan_id = v.plan_id AND r.by_id = person) THEN
        RETURN 'whoever asked for a plan or for a change of it cannot vote on it';
    END IF;
    IF decision = 'REJECT' THEN
        IF NOT planning_holds(person, 'reject_plan') THEN
            RETURN 'this person may not reject plans';
        END IF;
        RETURN NULL;
    END IF;
    IF NOT planning_holds(person, 'approve_plan') THEN
        RETURN 'this person may not approve plans';
    END IF;
    IF coalesce(planning_largest_mw(version) >= 20, true) AND NOT planning_holds(person, 'approve_large_plan') THEN
        RETURN 'a plan of 20 MW or more needs the vote of a supervisor';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION planning_check_vote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM planning_planversion v WHERE v.id = NEW.version_id AND v.content_hash = NEW.content_hash) THEN
        RAISE EXCEPTION 'vote refused: the hash is not the one of this version' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    objection := planning_vote_objection(NEW.voter_id, NEW.version_id, NEW.decision);
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'vote refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vote_is_entitled BEFORE INSERT ON planning_vote FOR EACH ROW EXECUTE FUNCTION planning_check_vote();
ALTER TABLE planning_vote ENABLE ALWAYS TRIGGER vote_is_entitled;

CREATE FUNCTION planning_votes_for(version bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(DISTINCT voter_id)::integer FROM planning_vote t
    JOIN planning_planversion v ON v.id = t.version_id AND v.content_hash = t.content_hash
    WHERE t.version_id = version AND t.decision = 'APPROVE' AND planning_vote_objection(t.voter_id, version, 'APPROVE') IS NULL
$$;

CREATE FUNCTION planning_required_votes(version bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT greatest(1, (content::jsonb ->> 'required_approvals')::integer) FROM planning_planversion WHERE id = version
$$;

CREATE FUNCTION planning_send_objection(version bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = version;
    IF NOT FOUND THEN
        RETURN 'there is no such version';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_planversion n WHERE n.plan_id = v.plan_id AND n.number > v.number) THEN
        RETURN 'a newer version of the plan exists';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_vote t WHERE t.version_id = version AND t.decision = 'REJECT') THEN
        RETURN 'the version was rejected';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_transition t WHERE t.plan_id = v.plan_id
               AND t.to_status IN ('CANCELLED', 'ABORTING', 'ABORTED', 'WITHDRAWN', 'EXPIRED', 'SUPERSEDED', 'REJECTED')) THEN
        RETURN 'the plan was stopped';
    END IF;
    IF planning_votes_for(version) < planning_required_votes(version) THEN
        RETURN format('%s of %s votes', planning_votes_for(version), planning_required_votes(version));
    END IF;
    RETURN NULL;
END $$;
"""
VOTES_REVERSED = """
DROP FUNCTION planning_send_objection(bigint);
DROP FUNCTION planning_required_votes(bigint);
DROP FUNCTION planning_votes_for(bigint);
DROP TRIGGER vote_is_entitled ON planning_vote;
DROP FUNCTION planning_check_vote();
DROP FUNCTION planning_vote_objection(bigint, bigint, text);
DROP FUNCTION planning_largest_mw(bigint);
DROP FUNCTION planning_holds(bigint, text);
"""

HOLD = """
CREATE FUNCTION planning_hold_clock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    now_running integer := coalesce((SELECT run FROM grid_clock WHERE id = 1), 0);
BEGIN
    PERFORM grid_hold_clock(
        EXISTS (SELECT 1 FROM planning_plan WHERE status IN ('PENDING', 'PARTIAL') AND run = now_running)
        AND NOT EXISTS (SELECT 1 FROM planning_plan WHERE status IN ('ACTIVE', 'ABORTING') AND run = now_running));
    RETURN NULL;
END $$;
CREATE TRIGGER hold_clock_on_new AFTER INSERT ON planning_plan FOR EACH STATEMENT EXECUTE FUNCTION planning_hold_clock();
CREATE TRIGGER hold_clock_on_change AFTER UPDATE OF status ON planning_plan
    FOR EACH STATEMENT EXECUTE FUNCTION planning_hold_clock();
"""
HOLD_REVERSED = """
DROP TRIGGER hold_clock_on_new ON planning_plan;
DROP TRIGGER hold_clock_on_change ON planning_plan;
DROP FUNCTION planning_hold_clock();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("planning", "0002_initial"),
        ("grid", "0002_clock_functions"),
        ("portal", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(CHECKS, CHECKS_REVERSED),
        migrations.RunSQL(APPEND_ONLY_TRIGGERS, APPEND_ONLY_TRIGGERS_REVERSED),
        migrations.RunSQL(VOTES, VOTES_REVERSED),
        migrations.RunSQL(HOLD, HOLD_REVERSED),
    ]
