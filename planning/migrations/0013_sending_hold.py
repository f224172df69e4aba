"""What else may hold sending: a question planning asks and another app answers, by replacing the function."""

from django.db import migrations

FORWARD = """
-- Why nothing is claimed for sending; null: nothing holds it.
CREATE FUNCTION planning_sending_hold() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS 'SELECT NULL::text';
"""


class Migration(migrations.Migration):
    dependencies = [("planning", "0012_enrolment_fence")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION planning_sending_hold();")]
