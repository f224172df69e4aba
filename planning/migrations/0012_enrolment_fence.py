"""A key is enrolled against a proof: the password of who has had none, else a key that is believed already. PostgreSQL looks
whether the proof is on record and belongs together; a reset by an administrator lets the password prove it again.

Also: delegations taken back and policies proposed are told to open pages, and who can still vote can be written to.
"""

from django.db import migrations

ENROLMENT = """
CREATE FUNCTION planning_password_enrols(person bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM planning_passkey k WHERE k.user_id = person AND (
            NOT EXISTS (SELECT 1 FROM planning_passkeyend e WHERE e.passkey_id = k.id)
            OR k.id > coalesce((SELECT max(r.through) FROM planning_passkeyreset r WHERE r.user_id = person), 0)))
$$;

-- One enrolment of a person at a time, so that two first keys cannot both be proven by the password.
CREATE FUNCTION planning_enrol_one_by_one(person bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(918273, (person % 2147483647)::integer)
$$;

CREATE FUNCTION planning_check_enrolment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM planning_enrol_one_by_one(NEW.user_id);
    IF NEW.proof NOT IN ('PASSWORD', 'PASSKEY') THEN
        RAISE EXCEPTION 'enrolment refused: nothing proves who asks' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.proof = 'PASSWORD' AND NOT planning_password_enrols(NEW.user_id) THEN
        RAISE EXCEPTION 'enrolment refused: a password is not enough for who has a passkey' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER enrolment_is_proven BEFORE INSERT ON planning_stepupchallenge
    FOR EACH ROW WHEN (NEW.purpose = 'ENROL') EXECUTE FUNCTION planning_check_enrolment();
ALTER TABLE planning_stepupchallenge ENABLE ALWAYS TRIGGER enrolment_is_proven;

CREATE FUNCTION planning_has_proof(c planning_stepupchallenge) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM planning_voteassertion a JOIN planning_passkey k ON k.id = a.passkey_id
        JOIN planning_stepupchallenge p ON p.id = a.challenge_id
        WHERE a.enrolment_id = c.id AND k.user_id = c.user_id AND p.user_id = c.user_id AND p.purpose = 'ENROL_PROOF'
        AND p.used_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM planning_passkeyend e WHERE e.passkey_id = k.id))
$$;
CREATE FUNCTION planning_check_proof() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT planning_has_proof(NEW) THEN
        RAISE EXCEPTION 'enrolment refused: what the passkey signed is missing' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER enrolment_has_its_assertion AFTER INSERT ON planning_stepupchallenge DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.purpose = 'ENROL' AND NEW.proof = 'PASSKEY') EXECUTE FUNCTION planning_check_proof();
ALTER TABLE planning_stepupchallenge ENABLE ALWAYS TRIGGER enrolment_has_its_assertion;

CREATE FUNCTION planning_check_passkey() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c planning_stepupchallenge;
BEGIN
    PERFORM planning_enrol_one_by_one(NEW.user_id);
    SELECT * INTO c FROM planning_stepupchallenge WHERE id = NEW.challenge_id;
    IF c.user_id IS DISTINCT FROM NEW.user_id OR c.purpose <> 'ENROL' OR c.used_at IS NULL OR c.proof = '' THEN
        RAISE EXCEPTION 'enrolment refused: it answers no proven challenge of this person' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF c.proof = 'PASSWORD' AND NOT planning_password_enrols(NEW.user_id) THEN
        RAISE EXCEPTION 'enrolment refused: a password is not enough for who has a passkey' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF c.proof = 'PASSKEY' AND NOT planning_has_proof(c) THEN
        RAISE EXCEPTION 'enrolment refused: what the passkey signed is missing' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER passkey_is_proven BEFORE INSERT ON planning_passkey FOR EACH ROW EXECUTE FUNCTION planning_check_passkey();
ALTER TABLE planning_passkey ENABLE ALWAYS TRIGGER passkey_is_proven;

CREATE FUNCTION planning_check_passkey_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM planning_passkey k WHERE k.id = NEW.passkey_id AND k.user_id = NEW.by_id)
       AND NOT planning_holds(NEW.by_id, 'reset_passkeys') THEN
        RAISE EXCEPTION 'passkey end refused: it is another person''s key' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER passkey_end_by_right BEFORE INSERT ON planning_passkeyend
    FOR EACH ROW EXECUTE FUNCTION planning_check_passkey_end();
ALTER TABLE planning_passkeyend ENABLE ALWAYS TRIGGER passkey_end_by_right;

CREATE FUNCTION planning_check_passkey_reset() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM planning_enrol_one_by_one(NEW.user_id);
    IF NOT planning_holds(NEW.by_id, 'reset_passkeys') THEN
        RAISE EXCEPTION 'passkey reset refused: this person may not reset passkeys' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.through := coalesce((SELECT max(k.id) FROM planning_passkey k WHERE k.user_id = NEW.user_id), 0);
    RETURN NEW;
END $$;
CREATE TRIGGER passkey_reset_by_right BEFORE INSERT ON planning_passkeyreset
    FOR EACH ROW EXECUTE FUNCTION planning_check_passkey_reset();
ALTER TABLE planning_passkeyreset ENABLE ALWAYS TRIGGER passkey_reset_by_right;

CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON planning_passkeyreset
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON planning_passkeyreset
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE planning_passkeyreset ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE planning_passkeyreset ENABLE ALWAYS TRIGGER append_only_table;
"""
ENROLMENT_REVERSED = """
DROP TRIGGER append_only_table ON planning_passkeyreset;
DROP TRIGGER append_only_rows ON planning_passkeyreset;
DROP TRIGGER passkey_reset_by_right ON planning_passkeyreset;
DROP FUNCTION planning_check_passkey_reset();
DROP TRIGGER passkey_end_by_right ON planning_passkeyend;
DROP FUNCTION planning_check_passkey_end();
DROP TRIGGER passkey_is_proven ON planning_passkey;
DROP FUNCTION planning_check_passkey();
DROP TRIGGER enrolment_has_its_assertion ON planning_stepupchallenge;
DROP FUNCTION planning_check_proof();
DROP FUNCTION planning_has_proof(planning_stepupchallenge);
DROP TRIGGER enrolment_is_proven ON planning_stepupchallenge;
DROP FUNCTION planning_check_enrolment();
DROP FUNCTION planning_enrol_one_by_one(bigint);
DROP FUNCTION planning_password_enrols(bigint);
"""

# The worker reads names alone of people; these addresses, and no others, it is given to write to.
VOTERS = """
CREATE FUNCTION planning_still_to_vote(version bigint) RETURNS TABLE (username text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.username::text, u.email::text
    FROM portal_user u, LATERAL (SELECT coalesce(planning_offer_objection(u.id, version), '') AS objection) o
    WHERE u.is_active AND u.email <> '' AND planning_may_decide(u.id, 'approve_plan')
    AND (o.objection = '' OR o.objection LIKE 'approvals are frozen%' OR o.objection LIKE 'a comment marked as blocker%')
    AND NOT EXISTS (SELECT 1 FROM planning_vote v WHERE v.version_id = version AND v.voter_id = u.id)
    ORDER BY u.username
$$;
"""
VOTERS_REVERSED = "DROP FUNCTION planning_still_to_vote(bigint);"

TOLD = {
    "planning_delegationend": "SELECT DISTINCT delegation_id FROM changed",
    "planning_approvalpolicy": "SELECT DISTINCT id FROM changed",
}
TELL = "\n".join(
    f"""
CREATE TRIGGER tell_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell('rules', '{ids}');"""
    for table, ids in TOLD.items()
)
TELL_REVERSED = "\n".join(f"DROP TRIGGER tell_insert ON {table};" for table in TOLD)


class Migration(migrations.Migration):
    dependencies = [("planning", "0011_enrolment")]

    operations = [
        migrations.RunSQL(ENROLMENT, ENROLMENT_REVERSED),
        migrations.RunSQL(VOTERS, VOTERS_REVERSED),
        migrations.RunSQL(TELL, TELL_REVERSED),
    ]
