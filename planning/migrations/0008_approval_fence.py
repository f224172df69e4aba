"""Who may decide what, computed by PostgreSQL: the requirement from the policy version inside the content, votes and their
strength, delegations, blockers, freezes, break-glass.

`planning_requirement` is the one place that says what a version needs, `planning_ballot_objection` the one that says whether a vote
counts; the insert trigger and the count both ask it, so a vote that no longer holds (the person left, lost the role) does not count.
"""

from importlib import import_module

from django.db import migrations

# Going back puts the functions replaced here to what 0003 made them.
BEFORE = (
    import_module("planning.migrations.0003_fence")
    .VOTES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER")
)

APPEND_ONLY = (
    "planning_approvalpolicy",
    "planning_policyconfirmation",
    "planning_delegation",
    "planning_delegationend",
    "planning_comment",
    "planning_commentresolution",
    "planning_freeze",
    "planning_freezelift",
    "planning_breakglass",
    "planning_breakglassreview",
    "planning_escalation",
    "planning_estimate",
    "planning_planviewing",
    "planning_passkey",
    "planning_passkeyend",
    "planning_voteassertion",
)

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

POLICY = """
-- A policy nobody can be counted by must not come in: at least one human always, and no rule that cannot be read.
-- The same as planning/core/policy.py, parse_policy: what that cannot read would stop every page that shows it.
CREATE FUNCTION planning_policy_has(given jsonb, VARIADIC names text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_typeof(given) = 'object' AND given ?& names AND given - names = '{}'::jsonb, false)
$$;
CREATE FUNCTION planning_policy_amount(given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_typeof(given) = 'string' AND given #>> '{}' ~ '^[0-9]{1,9}([.][0-9]{1,6})?$', false)
$$;
CREATE FUNCTION planning_policy_count(given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_typeof(given) = 'number' AND given #>> '{}' ~ '^[0-9]{1,9}$', false)
$$;
CREATE FUNCTION planning_policy_some_of(given jsonb, VARIADIC known text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_typeof(given) = 'array' AND given <> '[]'::jsonb AND given <@ to_jsonb(known), false)
$$;
CREATE FUNCTION planning_condition_is_sound(name text, given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN name IN ('mw_at_least', 'mw_above', 'confidence_below') THEN planning_policy_amount(given)
        WHEN name IN ('endpoints_at_least', 'duration_min_at_least', 'season_calls_left_at_most') THEN planning_policy_count(given)
        WHEN name = 'edited' THEN jsonb_typeof(given) = 'boolean'
        WHEN name = 'strategy' THEN planning_policy_some_of(given, 'balanced', 'cost_minimize', 'reliability', 'emergency')
        WHEN name = 'grid_state' THEN planning_policy_some_of(given, 'normal', 'watch', 'tight', 'emergency')
        ELSE false END
$$;
CREATE FUNCTION planning_needs_are_sound(given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT planning_policy_has(given, 'approvals', 'supervisors', 'step_up', 'reason', 'estimate')
        AND planning_policy_count(given -> 'approvals') AND planning_policy_count(given -> 'supervisors')
        AND given -> 'step_up' IN ('"none"'::jsonb, '"password"'::jsonb, '"passkey"'::jsonb)
        AND jsonb_typeof(given -> 'reason') = 'boolean' AND jsonb_typeof(given -> 'estimate') = 'boolean'
        AND CASE WHEN planning_policy_count(given -> 'approvals') AND planning_policy_count(given -> 'supervisors')
            THEN (given ->> 'approvals')::integer BETWEEN 1 AND 9
                AND (given ->> 'supervisors')::integer <= (given ->> 'approvals')::integer ELSE false END
$$;
CREATE FUNCTION planning_rule_is_sound(given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT planning_policy_has(given, 'name', 'when', 'needs')
        AND jsonb_typeof(given -> 'name') = 'string' AND given ->> 'name' ~ '[[:graph:]]' AND given ->> 'name' !~ '[[:cntrl:]]'
        AND planning_needs_are_sound(given -> 'needs')
        AND CASE WHEN jsonb_typeof(given -> 'when') = 'object' THEN NOT EXISTS (
            SELECT 1 FROM jsonb_each(given -> 'when') c WHERE NOT coalesce(planning_condition_is_sound(c.key, c.value), false))
            ELSE false END
$$;
CREATE FUNCTION planning_policy_is_sound(rules text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p jsonb;
BEGIN
    p := rules::jsonb;
    RETURN coalesce(
        planning_policy_has(p, 'rules', 'break_glass')
        AND jsonb_typeof(p -> 'rules') = 'array'
        AND EXISTS (SELECT 1 FROM jsonb_array_elements(p -> 'rules') r WHERE r -> 'when' = '{}'::jsonb)
        AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(p -> 'rules') r WHERE NOT coalesce(planning_rule_is_sound(r), false))
        AND (SELECT count(DISTINCT r ->> 'name') = count(*) FROM jsonb_array_elements(p -> 'rules') r)
        AND planning_policy_has(p -> 'break_glass', 'max_mw', 'review_h')
        AND planning_policy_amount(p #> '{break_glass,max_mw}') AND planning_policy_count(p #> '{break_glass,review_h}')
        AND (p #>> '{break_glass,review_h}')::integer BETWEEN 1 AND 24, false);
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;
ALTER TABLE planning_approvalpolicy ADD CONSTRAINT policy_is_sound CHECK (planning_policy_is_sound(rules));
ALTER TABLE planning_approvalpolicy ADD CONSTRAINT policy_hash_is_of_rules
    CHECK (rules_sha256 = encode(sha256(convert_to(rules, 'UTF8')), 'hex'));

CREATE FUNCTION planning_policy_in_force() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT max(p.number) FROM planning_approvalpolicy p
    WHERE p.number = 1 OR EXISTS (SELECT 1 FROM planning_policyconfirmation c WHERE c.policy_id = p.id)
$$;

-- Whoever looks after people and roles could give themselves any role, and whoever audits must not be part of what they audit.
CREATE FUNCTION planning_stands_apart(person bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT u.is_superuser FROM portal_user u WHERE u.id = person), true)
        OR EXISTS (SELECT 1 FROM portal_user_groups ug JOIN auth_group g ON g.id = ug.group_id
                   WHERE ug.user_id = person AND g.name IN ('admin', 'auditor'))
$$;

CREATE FUNCTION planning_may_decide(person bigint, permission text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT planning_holds(person, permission) AND NOT planning_stands_apart(person)
$$;

CREATE FUNCTION planning_check_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.number = 1 AND NEW.proposed_by_id IS NULL AND NOT EXISTS (SELECT 1 FROM planning_approvalpolicy) THEN
        RETURN NEW;
    END IF;
    IF NEW.number IS DISTINCT FROM (SELECT max(number) + 1 FROM planning_approvalpolicy) THEN
        RAISE EXCEPTION 'policy refused: the next number is %', (SELECT max(number) + 1 FROM planning_approvalpolicy)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT planning_may_decide(NEW.proposed_by_id, 'change_policy') THEN
        RAISE EXCEPTION 'policy refused: this person may not change the approval policy' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_is_proposed_by_right BEFORE INSERT ON planning_approvalpolicy
    FOR EACH ROW EXECUTE FUNCTION planning_check_policy();
ALTER TABLE planning_approvalpolicy ENABLE ALWAYS TRIGGER policy_is_proposed_by_right;

CREATE FUNCTION planning_check_confirmation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p planning_approvalpolicy;
BEGIN
    SELECT * INTO p FROM planning_approvalpolicy WHERE id = NEW.policy_id;
    IF p.proposed_by_id IS NULL OR p.proposed_by_id = NEW.by_id THEN
        RAISE EXCEPTION 'confirmation refused: a change needs a second person' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT planning_may_decide(NEW.by_id, 'change_policy') THEN
        RAISE EXCEPTION 'confirmation refused: this person may not change the approval policy' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT planning_may_decide(p.proposed_by_id, 'change_policy') THEN
        RAISE EXCEPTION 'confirmation refused: whoever proposed it may no longer change the approval policy'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF p.number <= planning_policy_in_force() THEN
        RAISE EXCEPTION 'confirmation refused: policy % is in force already', planning_policy_in_force()
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER confirmation_is_by_a_second_person BEFORE INSERT ON planning_policyconfirmation
    FOR EACH ROW EXECUTE FUNCTION planning_check_confirmation();
ALTER TABLE planning_policyconfirmation ENABLE ALWAYS TRIGGER confirmation_is_by_a_second_person;

-- What the planner writes is decided under the policy that is in force as it writes, not under one of its choice.
CREATE FUNCTION planning_check_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM planning_approvalpolicy p WHERE p.number = planning_policy_in_force()
        AND NEW.content::jsonb -> 'policy_version' = to_jsonb(p.number) AND NEW.content::jsonb ->> 'policy_sha256' = p.rules_sha256
    ) THEN
        RAISE EXCEPTION 'version refused: it does not name the approval policy in force' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT coalesce(NEW.content::jsonb ?& ARRAY['grid_state', 'season_calls_left', 'basis'], false) THEN
        RAISE EXCEPTION 'version refused: what the policy looks at is missing' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER version_names_the_policy BEFORE INSERT ON planning_planversion FOR EACH ROW EXECUTE FUNCTION planning_check_version();
ALTER TABLE planning_planversion ENABLE ALWAYS TRIGGER version_names_the_policy;
"""
POLICY_REVERSED = """
DROP TRIGGER version_names_the_policy ON planning_planversion;
DROP FUNCTION planning_check_version();
DROP TRIGGER confirmation_is_by_a_second_person ON planning_policyconfirmation;
DROP FUNCTION planning_check_confirmation();
DROP TRIGGER policy_is_proposed_by_right ON planning_approvalpolicy;
DROP FUNCTION planning_check_policy();
DROP FUNCTION planning_may_decide(bigint, text);
DROP FUNCTION planning_stands_apart(bigint);
DROP FUNCTION planning_policy_in_force();
ALTER TABLE planning_approvalpolicy DROP CONSTRAINT policy_hash_is_of_rules;
ALTER TABLE planning_approvalpolicy DROP CONSTRAINT policy_is_sound;
DROP FUNCTION planning_policy_is_sound(text);
DROP FUNCTION planning_rule_is_sound(jsonb);
DROP FUNCTION planning_needs_are_sound(jsonb);
DROP FUNCTION planning_condition_is_sound(text, jsonb);
DROP FUNCTION planning_policy_some_of(jsonb, text[]);
DROP FUNCTION planning_policy_count(jsonb);
DROP FUNCTION planning_policy_amount(jsonb);
DROP FUNCTION planning_policy_has(jsonb, text[]);
"""

REQUIREMENT = """
-- What rules look at. MW and endpoints are those of the events that would be sent; edited is read from the rows, not the text.
CREATE FUNCTION planning_facts(version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'mw', planning_largest_mw(v.id),
        'endpoints', (SELECT sum(e.endpoints) FROM planning_plannedevent e WHERE e.version_id = v.id),
        'duration_min', floor(extract(epoch FROM v.window_end - v.window_start) / 60)::integer,
        'strategy', v.content::jsonb ->> 'strategy',
        'edited', v.number > 1 OR EXISTS (SELECT 1 FROM planning_planrequest r WHERE r.plan_id = v.plan_id AND r.number > 1),
        'confidence', (v.content::jsonb ->> 'confidence')::numeric,
        'grid_state', v.content::jsonb ->> 'grid_state',
        'season_calls_left', (v.content::jsonb ->> 'season_calls_left')::integer)
    FROM planning_planversion v WHERE v.id = version
$$;

-- What is not known counts as matching: a gap never makes it easier.
CREATE FUNCTION planning_rule_matches(conditions jsonb, facts jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((facts ->> 'mw')::numeric >= (conditions ->> 'mw_at_least')::numeric, true)
        AND coalesce((facts ->> 'mw')::numeric > (conditions ->> 'mw_above')::numeric, true)
        AND coalesce((facts ->> 'endpoints')::numeric >= (conditions ->> 'endpoints_at_least')::numeric, true)
        AND coalesce((facts ->> 'duration_min')::numeric >= (conditions ->> 'duration_min_at_least')::numeric, true)
        AND coalesce(facts -> 'strategy' = 'null'::jsonb OR conditions -> 'strategy' @> (facts -> 'strategy'), true)
        AND coalesce((facts ->> 'edited')::boolean = (conditions ->> 'edited')::boolean, true)
        AND coalesce((facts ->> 'confidence')::numeric < (conditions ->> 'confidence_below')::numeric, true)
        AND coalesce(facts -> 'grid_state' = 'null'::jsonb OR conditions -> 'grid_state' @> (facts -> 'grid_state'), true)
        AND coalesce((facts ->> 'season_calls_left')::numeric <= (conditions ->> 'season_calls_left_at_most')::numeric, true)
$$;

CREATE FUNCTION planning_policy_of(version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.rules::jsonb FROM planning_planversion v
    JOIN planning_approvalpolicy p ON p.number = coalesce((v.content::jsonb ->> 'policy_version')::integer, 1)
    WHERE v.id = version
$$;

CREATE FUNCTION planning_requirement(version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'approvals', greatest(1, max((r #>> '{needs,approvals}')::integer)),
        'supervisors', max((r #>> '{needs,supervisors}')::integer),
        'step_up', (ARRAY['NONE', 'PASSWORD', 'PASSKEY'])[max(array_position(ARRAY['none', 'password', 'passkey'], r #>> '{needs,step_up}'))],
        'reason', bool_or((r #>> '{needs,reason}')::boolean),
        'estimate', bool_or((r #>> '{needs,estimate}')::boolean),
        'rules', jsonb_agg(r ->> 'name' ORDER BY position))
    FROM jsonb_array_elements(planning_policy_of(version) -> 'rules') WITH ORDINALITY AS rule (r, position)
    WHERE planning_rule_matches(r -> 'when', planning_facts(version))
$$;

CREATE OR REPLACE FUNCTION planning_required_votes(version bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (planning_requirement(version) ->> 'approvals')::integer
$$;

CREATE FUNCTION planning_step_up_rank(word text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_position(ARRAY['NONE', 'PASSWORD', 'PASSKEY'], word), 0)
$$;
"""
REQUIREMENT_REVERSED = """
DROP FUNCTION planning_step_up_rank(text);
DROP FUNCTION planning_requirement(bigint);
DROP FUNCTION planning_policy_of(bigint);
DROP FUNCTION planning_rule_matches(jsonb, jsonb);
DROP FUNCTION planning_facts(bigint);
"""

VOTES = """
-- The right itself, or lent by somebody who holds it directly, for now and for that many MW.
CREATE FUNCTION planning_lends(delegator bigint, delegate bigint, mw numeric, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM planning_delegation d
        WHERE d.delegator_id = delegator AND d.delegate_id = delegate AND d.starts_at <= at AND at < d.ends_at
        AND coalesce(mw <= d.max_mw, false)
        AND NOT EXISTS (SELECT 1 FROM planning_delegationend e WHERE e.delegation_id = d.id))
$$;

-- Whoever asked for the plan or for a change of it, and whoever had lent them their right when they asked.
CREATE FUNCTION planning_is_conflicted(person bigint, plan bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM planning_planrequest r
        WHERE r.plan_id = plan AND r.by_id IS NOT NULL AND (
            r.by_id = person
            OR EXISTS (SELECT 1 FROM planning_delegation d WHERE d.delegator_id = person AND d.delegate_id = r.by_id
                       AND d.starts_at <= r.at AND r.at < d.ends_at
                       AND NOT EXISTS (SELECT 1 FROM planning_delegationend e WHERE e.delegation_id = d.id AND e.at <= r.at))))
$$;

CREATE FUNCTION planning_freeze_reason() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT f.reason FROM planning_freeze f
    WHERE f.starts_at <= portal_now() AND (f.ends_at IS NULL OR portal_now() < f.ends_at)
    AND NOT EXISTS (SELECT 1 FROM planning_freezelift l WHERE l.freeze_id = f.id)
    ORDER BY f.id LIMIT 1
$$;

CREATE FUNCTION planning_open_blockers(version bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*)::integer FROM planning_comment c
    WHERE c.version_id = version AND c.blocker
    AND NOT EXISTS (SELECT 1 FROM planning_commentresolution r WHERE r.comment_id = c.id)
$$;

-- Whether this person's word could count on this version at all; what they bring to the vote itself comes on top.
CREATE OR REPLACE FUNCTION planning_vote_objection(person bigint, version bigint, decision text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = version;
    IF NOT FOUND THEN
        RETURN 'there is no such version';
    END IF;
    IF planning_stands_apart(person) THEN
        RETURN 'who administers or audits takes no part in decisions';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_planrequest r WHERE r.plan_id = v.plan_id AND r.by_id = person) THEN
        RETURN 'whoever asked for a plan or for a change of it cannot vote on it';
    END IF;
    IF planning_is_conflicted(person, v.plan_id) THEN
        RETURN 'whoever asked for it, or for a change of it, had this person''s vote lent to them';
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
    RETURN NULL;
END $$;

-- Whether one vote counts, given what it brings: the right or a lent one, the strength of proof, words, an own estimate.
CREATE FUNCTION planning_ballot_objection(b planning_vote) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text := planning_vote_objection(b.voter_id, b.version_id, b.decision);
    needs jsonb;
    plan bigint;
BEGIN
    IF objection IS NOT NULL THEN
        RETURN objection;
    END IF;
    IF b.decision = 'REJECT' THEN
        RETURN CASE WHEN b.on_behalf_of_id IS NULL THEN NULL ELSE 'a rejection is given in one''s own name' END;
    END IF;
    needs := planning_requirement(b.version_id);
    IF jsonb_typeof(needs -> 'rules') IS DISTINCT FROM 'array' THEN
        RETURN 'no rule of the approval policy covers it';
    END IF;
    IF b.on_behalf_of_id IS NOT NULL THEN
        SELECT v.plan_id INTO plan FROM planning_planversion v WHERE v.id = b.version_id;
        IF planning_is_conflicted(b.on_behalf_of_id, plan) THEN
            RETURN 'whoever lent the right asked for this plan or for a change of it';
        END IF;
        IF NOT planning_may_decide(b.on_behalf_of_id, 'approve_plan')
           OR NOT planning_lends(b.on_behalf_of_id, b.voter_id, planning_largest_mw(b.version_id), b.at) THEN
            RETURN 'no delegation covers this vote';
        END IF;
    END IF;
    IF planning_step_up_rank(b.step_up) < planning_step_up_rank(needs ->> 'step_up') THEN
        RETURN CASE needs ->> 'step_up' WHEN 'PASSKEY' THEN 'it needs the person''s passkey' ELSE 'it needs the person''s password' END;
    END IF;
    IF (needs ->> 'reason')::boolean AND btrim(b.reason) = '' THEN
        RETURN 'a reason is needed for this plan';
    END IF;
    IF (needs ->> 'estimate')::boolean
       AND NOT EXISTS (SELECT 1 FROM planning_estimate e WHERE e.version_id = b.version_id AND e.by_id = b.voter_id) THEN
        RETURN 'an own estimate has to be given first';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION planning_is_supervisors(b planning_vote) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT planning_holds(b.voter_id, 'approve_large_plan') OR coalesce(planning_holds(b.on_behalf_of_id, 'approve_large_plan'), false)
$$;

-- One human, one vote: nobody counts both by their own vote and by one given for them.
CREATE FUNCTION planning_tally(version bigint, OUT approvals integer, OUT supervisors integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*)::integer, count(*) FILTER (WHERE planning_is_supervisors(t))::integer
    FROM planning_vote t
    JOIN planning_planversion v ON v.id = t.version_id AND v.content_hash = t.content_hash
    WHERE t.version_id = version AND t.decision = 'APPROVE' AND planning_ballot_objection(t) IS NULL
    AND NOT EXISTS (SELECT 1 FROM planning_vote o WHERE o.version_id = version AND o.decision = 'APPROVE' AND o.id < t.id
                    AND (o.voter_id IN (t.voter_id, t.on_behalf_of_id) OR o.on_behalf_of_id IN (t.voter_id, t.on_behalf_of_id)))
$$;

CREATE OR REPLACE FUNCTION planning_votes_for(version bigint) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT approvals FROM planning_tally(version)
$$;

CREATE FUNCTION planning_has_quorum(version bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(t.approvals >= (r ->> 'approvals')::integer AND t.supervisors >= (r ->> 'supervisors')::integer, false)
    FROM planning_tally(version) t, planning_requirement(version) r
$$;

-- A vote without a supervisor's right finds no seat once those left are kept for supervisors.
CREATE FUNCTION planning_seat_objection(is_supervisors boolean, version bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN t.approvals >= (r ->> 'approvals')::integer AND t.supervisors >= (r ->> 'supervisors')::integer
        THEN 'all the votes it needs are given'
        WHEN NOT is_supervisors AND t.approvals - t.supervisors >= (r ->> 'approvals')::integer - (r ->> 'supervisors')::integer
        THEN 'the vote that is missing is a supervisor''s' END
    FROM planning_tally(version) t, planning_requirement(version) r
$$;

-- Why it makes no sense to offer this person the vote now; what they would bring to it (words, proof) is not looked at.
CREATE FUNCTION planning_offer_objection(person bigint, version bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text := planning_vote_objection(person, version, 'APPROVE');
    lent boolean;
BEGIN
    IF objection IS NOT NULL THEN
        RETURN objection;
    END IF;
    IF planning_freeze_reason() IS NOT NULL THEN
        RETURN 'approvals are frozen: ' || planning_freeze_reason();
    END IF;
    IF planning_open_blockers(version) > 0 THEN
        RETURN 'a comment marked as blocker is not resolved';
    END IF;
    lent := EXISTS (SELECT 1 FROM planning_delegation d WHERE d.delegate_id = person
        AND planning_may_decide(d.delegator_id, 'approve_large_plan')
        AND planning_lends(d.delegator_id, person, planning_largest_mw(version), portal_now())
        AND NOT planning_is_conflicted(d.delegator_id, (SELECT v.plan_id FROM planning_planversion v WHERE v.id = version)));
    RETURN planning_seat_objection(lent OR planning_holds(person, 'approve_large_plan'), version);
END $$;

-- Everything a page tells about where a version stands, in one look.
CREATE FUNCTION planning_count(version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'approvals', t.approvals, 'supervisors', t.supervisors, 'requirement', planning_requirement(version),
        'frozen', coalesce(planning_freeze_reason(), ''), 'blockers', planning_open_blockers(version),
        'estimated_by', (SELECT coalesce(jsonb_agg(e.by_id), '[]'::jsonb) FROM planning_estimate e WHERE e.version_id = version),
        'escalated_pct', (SELECT coalesce(max(x.share_pct), 0) FROM planning_escalation x WHERE x.version_id = version))
    FROM planning_tally(version) t
$$;

CREATE OR REPLACE FUNCTION planning_check_vote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM planning_planversion v WHERE v.id = NEW.version_id AND v.content_hash = NEW.content_hash) THEN
        RAISE EXCEPTION 'vote refused: the hash is not the one of this version' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    objection := planning_ballot_objection(NEW);
    IF objection IS NULL AND NEW.decision = 'APPROVE' THEN
        IF planning_freeze_reason() IS NOT NULL THEN
            objection := 'approvals are frozen: ' || planning_freeze_reason();
        ELSIF planning_open_blockers(NEW.version_id) > 0 THEN
            objection := 'a comment marked as blocker is not resolved';
        ELSIF EXISTS (SELECT 1 FROM planning_vote o WHERE o.version_id = NEW.version_id
                      AND (o.on_behalf_of_id IN (NEW.voter_id, NEW.on_behalf_of_id) OR o.voter_id = NEW.on_behalf_of_id)) THEN
            objection := 'one human has one vote, given or lent';
        ELSE
            objection := planning_seat_objection(planning_is_supervisors(NEW), NEW.version_id);
        END IF;
    END IF;
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'vote refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- A passkey's vote is nothing without what the passkey signed: checked when the transaction ends.
CREATE FUNCTION planning_check_assertion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fits boolean;
BEGIN
    IF TG_TABLE_NAME = 'planning_vote' THEN
        SELECT EXISTS (
            SELECT 1 FROM planning_voteassertion a JOIN planning_passkey k ON k.id = a.passkey_id
            JOIN planning_stepupchallenge c ON c.id = a.challenge_id
            WHERE a.vote_id = NEW.id AND k.user_id = NEW.voter_id AND c.user_id = NEW.voter_id AND c.purpose = 'APPROVE'
            AND c.content_hash = NEW.content_hash AND c.used_at IS NOT NULL) INTO fits;
    ELSE
        SELECT EXISTS (
            SELECT 1 FROM planning_voteassertion a JOIN planning_passkey k ON k.id = a.passkey_id
            JOIN planning_stepupchallenge c ON c.id = a.challenge_id
            WHERE a.break_glass_id = NEW.id AND k.user_id = NEW.by_id AND c.user_id = NEW.by_id AND c.purpose = 'BREAK_GLASS'
            AND c.content_hash = NEW.content_hash AND c.used_at IS NOT NULL) INTO fits;
    END IF;
    IF NOT fits THEN
        RAISE EXCEPTION 'vote refused: what the passkey signed is missing' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER passkey_vote_has_its_assertion AFTER INSERT ON planning_vote DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.step_up = 'PASSKEY') EXECUTE FUNCTION planning_check_assertion();
ALTER TABLE planning_vote ENABLE ALWAYS TRIGGER passkey_vote_has_its_assertion;
CREATE CONSTRAINT TRIGGER break_glass_has_its_assertion AFTER INSERT ON planning_breakglass DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION planning_check_assertion();
ALTER TABLE planning_breakglass ENABLE ALWAYS TRIGGER break_glass_has_its_assertion;

-- A challenge is used once: only its use may be written, and only where there was none.
CREATE FUNCTION planning_check_challenge() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF OLD.used_at IS NOT NULL OR NEW.used_at IS NULL OR (to_jsonb(NEW) - 'used_at') IS DISTINCT FROM (to_jsonb(OLD) - 'used_at') THEN
        RAISE EXCEPTION 'a challenge is used once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER challenge_is_used_once BEFORE UPDATE ON planning_stepupchallenge FOR EACH ROW EXECUTE FUNCTION planning_check_challenge();
CREATE TRIGGER challenge_stays BEFORE DELETE ON planning_stepupchallenge FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER challenges_stay BEFORE TRUNCATE ON planning_stepupchallenge
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE planning_stepupchallenge ENABLE ALWAYS TRIGGER challenge_is_used_once;
ALTER TABLE planning_stepupchallenge ENABLE ALWAYS TRIGGER challenge_stays;
ALTER TABLE planning_stepupchallenge ENABLE ALWAYS TRIGGER challenges_stay;
"""
VOTES_REVERSED = """
DROP TRIGGER challenges_stay ON planning_stepupchallenge;
DROP TRIGGER challenge_stays ON planning_stepupchallenge;
DROP TRIGGER challenge_is_used_once ON planning_stepupchallenge;
DROP FUNCTION planning_check_challenge();
DROP TRIGGER break_glass_has_its_assertion ON planning_breakglass;
DROP TRIGGER passkey_vote_has_its_assertion ON planning_vote;
DROP FUNCTION planning_check_assertion();
DROP FUNCTION planning_count(bigint);
DROP FUNCTION planning_offer_objection(bigint, bigint);
DROP FUNCTION planning_seat_objection(boolean, bigint);
DROP FUNCTION planning_has_quorum(bigint);
DROP FUNCTION planning_tally(bigint);
DROP FUNCTION planning_is_supervisors(planning_vote);
DROP FUNCTION planning_ballot_objection(planning_vote);
DROP FUNCTION planning_open_blockers(bigint);
DROP FUNCTION planning_freeze_reason();
DROP FUNCTION planning_is_conflicted(bigint, bigint);
DROP FUNCTION planning_lends(bigint, bigint, numeric, timestamptz);
"""

BREAK_GLASS = """
CREATE FUNCTION planning_overdue_review(wall timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT g.id FROM planning_breakglass g
    WHERE g.review_due_at < wall AND NOT EXISTS (SELECT 1 FROM planning_breakglassreview r WHERE r.break_glass_id = g.id)
    ORDER BY g.id LIMIT 1
$$;

-- Rules that are not met, in words: what the record says was forced.
CREATE FUNCTION planning_unmet(person bigint, version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(words ORDER BY position), '[]'::jsonb)
    FROM planning_tally(version) t, planning_requirement(version) r, planning_planversion v,
    LATERAL (VALUES
        (1, t.approvals < (r ->> 'approvals')::integer, format('%s of %s votes', t.approvals, r ->> 'approvals')),
        (2, t.supervisors < (r ->> 'supervisors')::integer, format('%s of %s votes of a supervisor', t.supervisors, r ->> 'supervisors')),
        (3, planning_is_conflicted(person, v.plan_id), 'four eyes: forced by who asked for the plan or for a change of it'),
        (4, planning_open_blockers(version) > 0, format('%s blockers not resolved', planning_open_blockers(version)))
    ) AS rule (position, broken, words)
    WHERE v.id = version AND broken
$$;

CREATE FUNCTION planning_check_break_glass() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
    cap numeric := (planning_policy_of(NEW.version_id) #>> '{break_glass,max_mw}')::numeric;
    hours integer := (planning_policy_of(NEW.version_id) #>> '{break_glass,review_h}')::integer;
    objection text;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = NEW.version_id;
    objection := CASE
        WHEN v.content_hash IS DISTINCT FROM NEW.content_hash THEN 'the hash is not the one of this version'
        WHEN NOT planning_may_decide(NEW.by_id, 'break_glass') THEN 'this person may not force a plan'
        WHEN NEW.step_up <> 'PASSKEY' THEN 'it needs the person''s passkey'
        WHEN NEW.reason_code NOT IN ('GRID_EMERGENCY', 'NOBODY_REACHABLE', 'SAFETY', 'SYSTEM_FAULT') THEN 'the reason code is not known'
        WHEN coalesce(planning_largest_mw(NEW.version_id) > cap, true) THEN format('no more than %s MW can be forced', cap)
        WHEN planning_overdue_review(clock_timestamp()) IS NOT NULL THEN 'the review of an earlier one is overdue'
        WHEN planning_freeze_reason() IS NOT NULL THEN 'approvals are frozen: ' || planning_freeze_reason()
    END;
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'break-glass refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.forced := planning_unmet(NEW.by_id, NEW.version_id);
    NEW.wall_at := clock_timestamp();
    NEW.review_due_at := NEW.wall_at + make_interval(hours => hours);
    RETURN NEW;
END $$;
CREATE TRIGGER break_glass_is_entitled BEFORE INSERT ON planning_breakglass FOR EACH ROW EXECUTE FUNCTION planning_check_break_glass();
ALTER TABLE planning_breakglass ENABLE ALWAYS TRIGGER break_glass_is_entitled;

CREATE FUNCTION planning_check_review() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    forced_by bigint := (SELECT g.by_id FROM planning_breakglass g WHERE g.id = NEW.break_glass_id);
BEGIN
    IF forced_by IS NULL OR forced_by = NEW.by_id THEN
        RAISE EXCEPTION 'review refused: a second person reviews' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT planning_may_decide(NEW.by_id, 'review_break_glass') THEN
        RAISE EXCEPTION 'review refused: this person may not review' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_is_by_a_second_person BEFORE INSERT ON planning_breakglassreview
    FOR EACH ROW EXECUTE FUNCTION planning_check_review();
ALTER TABLE planning_breakglassreview ENABLE ALWAYS TRIGGER review_is_by_a_second_person;

CREATE FUNCTION planning_check_person_may() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    row jsonb := to_jsonb(NEW);
    person bigint := (row ->> TG_ARGV[0])::bigint;
BEGIN
    IF NOT planning_may_decide(person, TG_ARGV[1]) THEN
        RAISE EXCEPTION '% refused: this person may not (%)', TG_TABLE_NAME, TG_ARGV[1] USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER freeze_by_right BEFORE INSERT ON planning_freeze
    FOR EACH ROW EXECUTE FUNCTION planning_check_person_may('by_id', 'freeze_sending');
CREATE TRIGGER lift_by_right BEFORE INSERT ON planning_freezelift
    FOR EACH ROW EXECUTE FUNCTION planning_check_person_may('by_id', 'lift_freeze');
CREATE TRIGGER delegation_by_right BEFORE INSERT ON planning_delegation
    FOR EACH ROW EXECUTE FUNCTION planning_check_person_may('delegator_id', 'delegate_vote');
CREATE TRIGGER delegate_by_right BEFORE INSERT ON planning_delegation
    FOR EACH ROW EXECUTE FUNCTION planning_check_person_may('delegate_id', 'approve_plan');
ALTER TABLE planning_freeze ENABLE ALWAYS TRIGGER freeze_by_right;
ALTER TABLE planning_freezelift ENABLE ALWAYS TRIGGER lift_by_right;
ALTER TABLE planning_delegation ENABLE ALWAYS TRIGGER delegation_by_right;
ALTER TABLE planning_delegation ENABLE ALWAYS TRIGGER delegate_by_right;

-- A blocker is settled by who raised it, or by a supervisor who has no part in the plan.
CREATE FUNCTION planning_check_resolution() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c planning_comment;
BEGIN
    SELECT * INTO c FROM planning_comment WHERE id = NEW.comment_id;
    IF c.by_id IS DISTINCT FROM NEW.by_id AND (
        NOT planning_may_decide(NEW.by_id, 'approve_large_plan')
        OR planning_is_conflicted(NEW.by_id, (SELECT v.plan_id FROM planning_planversion v WHERE v.id = c.version_id))) THEN
        RAISE EXCEPTION 'resolution refused: who raised it resolves it, or a supervisor who did not ask for the plan'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER resolution_by_right BEFORE INSERT ON planning_commentresolution
    FOR EACH ROW EXECUTE FUNCTION planning_check_resolution();
ALTER TABLE planning_commentresolution ENABLE ALWAYS TRIGGER resolution_by_right;

CREATE OR REPLACE FUNCTION planning_send_objection(version bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
    r jsonb;
    t record;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = version;
    IF NOT FOUND THEN
        RETURN 'there is no such version';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_planversion n WHERE n.plan_id = v.plan_id AND n.number > v.number) THEN
        RETURN 'a newer version of the plan exists';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_vote x WHERE x.version_id = version AND x.decision = 'REJECT') THEN
        RETURN 'the version was rejected';
    END IF;
    IF EXISTS (SELECT 1 FROM planning_transition x WHERE x.plan_id = v.plan_id
               AND x.to_status IN ('CANCELLED', 'ABORTING', 'ABORTED', 'WITHDRAWN', 'EXPIRED', 'SUPERSEDED', 'REJECTED')) THEN
        RETURN 'the plan was stopped';
    END IF;
    IF planning_freeze_reason() IS NOT NULL THEN
        RETURN 'sending is frozen: ' || planning_freeze_reason();
    END IF;
    IF EXISTS (SELECT 1 FROM planning_breakglass g WHERE g.version_id = version AND g.content_hash = v.content_hash
               AND planning_may_decide(g.by_id, 'break_glass')) THEN
        RETURN NULL;
    END IF;
    IF planning_open_blockers(version) > 0 THEN
        RETURN 'a comment marked as blocker is not resolved';
    END IF;
    IF NOT planning_has_quorum(version) THEN
        SELECT * INTO t FROM planning_tally(version);
        r := planning_requirement(version);
        IF t.approvals >= (r ->> 'approvals')::integer THEN
            RETURN format('%s of %s votes of a supervisor', t.supervisors, r ->> 'supervisors');
        END IF;
        RETURN format('%s of %s votes', t.approvals, r ->> 'approvals');
    END IF;
    RETURN NULL;
END $$;
"""
BREAK_GLASS_REVERSED = """
DROP TRIGGER resolution_by_right ON planning_commentresolution;
DROP FUNCTION planning_check_resolution();
DROP TRIGGER delegate_by_right ON planning_delegation;
DROP TRIGGER delegation_by_right ON planning_delegation;
DROP TRIGGER lift_by_right ON planning_freezelift;
DROP TRIGGER freeze_by_right ON planning_freeze;
DROP FUNCTION planning_check_person_may();
DROP TRIGGER review_is_by_a_second_person ON planning_breakglassreview;
DROP FUNCTION planning_check_review();
DROP TRIGGER break_glass_is_entitled ON planning_breakglass;
DROP FUNCTION planning_check_break_glass();
DROP FUNCTION planning_unmet(bigint, bigint);
DROP FUNCTION planning_overdue_review(timestamptz);
"""


OF_PLAN = "SELECT DISTINCT v.plan_id FROM changed c JOIN planning_planversion v ON v.id = c.version_id"
OF_COMMENT = (
    "SELECT DISTINCT v.plan_id FROM changed c JOIN planning_comment t ON t.id = c.comment_id"
    " JOIN planning_planversion v ON v.id = t.version_id"
)
OF_ITSELF = "SELECT DISTINCT id FROM changed"
TOLD = {
    "planning_comment": ("plan", OF_PLAN),
    "planning_commentresolution": ("plan", OF_COMMENT),
    "planning_estimate": ("plan", OF_PLAN),
    "planning_escalation": ("plan", OF_PLAN),
    "planning_breakglass": ("rules", OF_ITSELF),
    "planning_breakglassreview": ("rules", OF_ITSELF),
    "planning_freeze": ("rules", OF_ITSELF),
    "planning_freezelift": ("rules", OF_ITSELF),
    "planning_delegation": ("rules", OF_ITSELF),
    "planning_policyconfirmation": ("rules", OF_ITSELF),
}
TELL = "\n".join(
    f"""
CREATE TRIGGER tell_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('{topic}', '{ids}');"""
    for table, (topic, ids) in TOLD.items()
)
TELL_REVERSED = "\n".join(f"DROP TRIGGER tell_insert ON {table};" for table in TOLD)


class Migration(migrations.Migration):
    dependencies = [("planning", "0007_approval")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, BEFORE),
        migrations.RunSQL(APPEND_ONLY_TRIGGERS, APPEND_ONLY_TRIGGERS_REVERSED),
        migrations.RunSQL(POLICY, POLICY_REVERSED),
        migrations.RunSQL(REQUIREMENT, REQUIREMENT_REVERSED),
        migrations.RunSQL(VOTES, VOTES_REVERSED),
        migrations.RunSQL(BREAK_GLASS, BREAK_GLASS_REVERSED),
        migrations.RunSQL(TELL, TELL_REVERSED),
    ]
