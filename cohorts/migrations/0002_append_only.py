"""Changes of cohorts are a record: PostgreSQL refuses to alter or remove one, whoever asks."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cohorts_change_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cohort changes are append-only: % refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'cohort_change_is_append_only';
END $$;
CREATE TRIGGER cohort_change_is_append_only BEFORE UPDATE OR DELETE ON cohorts_cohortchange
    FOR EACH ROW EXECUTE FUNCTION cohorts_change_is_append_only();
ALTER TABLE cohorts_cohortchange ENABLE ALWAYS TRIGGER cohort_change_is_append_only;
"""
BACKWARD = """
DROP TRIGGER cohort_change_is_append_only ON cohorts_cohortchange;
DROP FUNCTION cohorts_change_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("cohorts", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
