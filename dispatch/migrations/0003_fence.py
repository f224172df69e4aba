"""The fence: PostgreSQL refuses a signal whose exact bytes were not approved by people allowed to approve them.

It reads votes, versions and requests, never the plan's status column. Bytes cannot change afterwards either, and what was queued
is checked once more when it goes out: an abort, a veto or a replay started in between still stops it.
"""

from django.db import migrations

CLAIM = """
CREATE FUNCTION dispatch_check_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM planning_planversion v WHERE v.id = NEW.version_id AND v.plan_id = NEW.plan_id) THEN
        RAISE EXCEPTION 'claim refused: the version is not one of this plan' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- An abort or a veto holds this row while it is written: whoever comes second sees what the first one did.
    PERFORM 1 FROM planning_plan p WHERE p.id = NEW.plan_id FOR SHARE;
    objection := planning_send_objection(NEW.version_id);
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'claim refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_is_authorised BEFORE INSERT ON dispatch_claim FOR EACH ROW EXECUTE FUNCTION dispatch_check_claim();
ALTER TABLE dispatch_claim ENABLE ALWAYS TRIGGER claim_is_authorised;
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON dispatch_claim
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON dispatch_claim
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE dispatch_claim ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE dispatch_claim ENABLE ALWAYS TRIGGER append_only_table;
"""
CLAIM_REVERSED = """
DROP TRIGGER append_only_table ON dispatch_claim;
DROP TRIGGER append_only_rows ON dispatch_claim;
DROP TRIGGER claim_is_authorised ON dispatch_claim;
DROP FUNCTION dispatch_check_claim();
"""

SIGNAL = """
-- Whether the bytes are the approved event with nothing left to do: no interval, no time (OpenADR 3.1 User Guide 7.9).
CREATE FUNCTION dispatch_calls_nobody(payload bytea, approved bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event jsonb;
    original jsonb;
BEGIN
    event := convert_from(payload, 'UTF8')::jsonb;
    original := convert_from(approved, 'UTF8')::jsonb;
    RETURN coalesce(event -> 'intervals' = '[]'::jsonb AND event #>> '{intervalPeriod,duration}' = 'PT0S'
        AND event - ARRAY['intervals', 'intervalPeriod'] = original - ARRAY['intervals', 'intervalPeriod'], FALSE);
EXCEPTION WHEN data_exception OR invalid_parameter_value THEN
    RETURN FALSE;
END $$;

CREATE FUNCTION dispatch_signal_objection(s dispatch_signal) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v planning_planversion;
    e planning_plannedevent;
BEGIN
    SELECT * INTO v FROM planning_planversion WHERE id = s.version_id;
    SELECT * INTO e FROM planning_plannedevent WHERE id = s.planned_event_id;
    IF v.content_hash IS DISTINCT FROM s.content_hash THEN
        RETURN 'the content hash is not the one of this version';
    END IF;
    IF e.version_id IS DISTINCT FROM s.version_id THEN
        RETURN 'the event is not one of this version';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM dispatch_claim c WHERE c.id = s.claim_id AND c.version_id = s.version_id) THEN
        RETURN 'the version was not claimed';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM planning_plan p WHERE p.id = v.plan_id AND p.run = s.run) THEN
        RETURN 'the run is not the one of the plan';
    END IF;
    IF s.run IS DISTINCT FROM coalesce((SELECT c.run FROM grid_clock c WHERE c.id = 1), 0) THEN
        RETURN 'the plan belongs to another run of the portal';
    END IF;
    IF s.payload_sha256 IS DISTINCT FROM encode(sha256(s.payload), 'hex') THEN
        RETURN 'the hash is not the one of the bytes';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM dispatch_ven n WHERE n.id = s.ven_id AND n.cohort_id = e.cohort_id) THEN
        RETURN 'the receiver is not the one of this cohort';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM dispatch_ven n WHERE n.id = s.ven_id AND n.simulated)
       AND NOT EXISTS (SELECT 1 FROM grid_clock c WHERE c.mode = 'LIVE') THEN
        RETURN 'a receiver that is not simulated gets nothing in a replay or a drill';
    END IF;
    IF s.kind NOT IN ('EVENT', 'CANCEL') THEN
        RETURN 'it is neither an event nor a cancellation';
    END IF;
    IF s.kind = 'CANCEL' THEN
        IF NOT EXISTS (SELECT 1 FROM planning_transition t WHERE t.plan_id = v.plan_id AND t.to_status = 'ABORTING' AND t.by_id IS NOT NULL) THEN
            RETURN 'nobody aborted this plan';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM dispatch_signal o WHERE o.planned_event_id = s.planned_event_id AND o.kind = 'EVENT') THEN
            RETURN 'there is nothing to cancel';
        END IF;
        IF NOT dispatch_calls_nobody(s.payload, e.payload) THEN
            RETURN 'a cancellation calls nobody';
        END IF;
        RETURN NULL;
    END IF;
    IF s.payload IS DISTINCT FROM e.payload OR s.payload_sha256 IS DISTINCT FROM e.payload_sha256 THEN
        RETURN 'the bytes are not the approved ones';
    END IF;
    IF NOT v.content::jsonb -> 'payloads' @> jsonb_build_array(jsonb_build_object('event_name', e.event_name, 'payload_sha256', e.payload_sha256)) THEN
        RETURN 'the bytes are not part of the approved content';
    END IF;
    IF (s.starts_at, s.ends_at, s.mw) IS DISTINCT FROM (e.starts_at, e.ends_at, e.mean_mw) THEN
        RETURN 'the times or the MW are not the approved ones';
    END IF;
    RETURN planning_send_objection(s.version_id);
END $$;

CREATE FUNCTION dispatch_check_signal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    IF NEW.status <> 'QUEUED' THEN
        RAISE EXCEPTION 'signal refused: a signal is queued first' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    objection := dispatch_signal_objection(NEW);
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'signal refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signal_is_approved BEFORE INSERT ON dispatch_signal FOR EACH ROW EXECUTE FUNCTION dispatch_check_signal();
ALTER TABLE dispatch_signal ENABLE ALWAYS TRIGGER signal_is_approved;

CREATE FUNCTION dispatch_check_signal_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    objection text;
BEGIN
    IF (to_jsonb(NEW) - ARRAY['status', 'sent_at', 'wall_sent_at']) IS DISTINCT FROM
       (to_jsonb(OLD) - ARRAY['status', 'sent_at', 'wall_sent_at']) THEN
        RAISE EXCEPTION 'dispatch_signal: only its delivery may change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at THEN
        RAISE EXCEPTION 'dispatch_signal: sent once, sent for ever' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (('QUEUED', 'SENT'), ('QUEUED', 'CANCELLED'),
        ('SENT', 'RECEIVED'), ('SENT', 'CANCELLED'), ('RECEIVED', 'CANCELLED')) THEN
        RAISE EXCEPTION 'dispatch_signal: % does not become %', OLD.status, NEW.status USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'QUEUED' AND NEW.status = 'SENT' THEN
        PERFORM 1 FROM planning_plan p JOIN planning_planversion v ON v.plan_id = p.id WHERE v.id = NEW.version_id FOR SHARE OF p;
        objection := dispatch_signal_objection(NEW);
        IF objection IS NOT NULL THEN
            RAISE EXCEPTION 'signal refused: %', objection USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signal_content_stays BEFORE UPDATE ON dispatch_signal FOR EACH ROW EXECUTE FUNCTION dispatch_check_signal_change();
CREATE TRIGGER signal_stays BEFORE DELETE ON dispatch_signal FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER signals_stay BEFORE TRUNCATE ON dispatch_signal FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE dispatch_signal ENABLE ALWAYS TRIGGER signal_content_stays;
ALTER TABLE dispatch_signal ENABLE ALWAYS TRIGGER signal_stays;
ALTER TABLE dispatch_signal ENABLE ALWAYS TRIGGER signals_stay;
"""
SIGNAL_REVERSED = """
DROP TRIGGER signals_stay ON dispatch_signal;
DROP TRIGGER signal_stays ON dispatch_signal;
DROP TRIGGER signal_content_stays ON dispatch_signal;
DROP FUNCTION dispatch_check_signal_change();
DROP TRIGGER signal_is_approved ON dispatch_signal;
DROP FUNCTION dispatch_check_signal();
DROP FUNCTION dispatch_signal_objection(dispatch_signal);
DROP FUNCTION dispatch_calls_nobody(bytea, bytea);
"""


OVERLAP = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE dispatch_signal ADD CONSTRAINT signal_no_overlap_for_one_ven
    EXCLUDE USING gist (run WITH =, ven_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (kind = 'EVENT' AND status <> 'CANCELLED');
"""
OVERLAP_REVERSED = "ALTER TABLE dispatch_signal DROP CONSTRAINT signal_no_overlap_for_one_ven;"


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0002_initial"),
        ("planning", "0003_fence"),
    ]

    operations = [
        migrations.RunSQL(CLAIM, CLAIM_REVERSED),
        migrations.RunSQL(SIGNAL, SIGNAL_REVERSED),
        migrations.RunSQL(OVERLAP, OVERLAP_REVERSED),
    ]
