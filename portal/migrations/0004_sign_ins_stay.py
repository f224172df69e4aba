"""Sign-ins are a record: they stay; only what names a person may be blanked."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION portal_check_sign_in_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF to_jsonb(NEW) - ARRAY['tried_name', 'address'] = to_jsonb(OLD) - ARRAY['tried_name', 'address']
       AND NEW.tried_name IN ('', OLD.tried_name) AND (NEW.address IS NULL OR NEW.address = OLD.address) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'portal_signin is append-only: UPDATE refused' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER sign_in_stays BEFORE UPDATE ON portal_signin FOR EACH ROW EXECUTE FUNCTION portal_check_sign_in_change();
CREATE TRIGGER append_only_rows BEFORE DELETE ON portal_signin FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON portal_signin
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE portal_signin ENABLE ALWAYS TRIGGER sign_in_stays;
ALTER TABLE portal_signin ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE portal_signin ENABLE ALWAYS TRIGGER append_only_table;
"""
BACKWARD = """
DROP TRIGGER append_only_table ON portal_signin;
DROP TRIGGER append_only_rows ON portal_signin;
DROP TRIGGER sign_in_stays ON portal_signin;
DROP FUNCTION portal_check_sign_in_change();
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0003_sign_ins"), ("planning", "0003_fence")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
