"""What people were shown beside a version stays as it was shown."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON planning_alternative
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON planning_alternative
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE planning_alternative ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE planning_alternative ENABLE ALWAYS TRIGGER append_only_table;
"""
REVERSED = """
DROP TRIGGER append_only_rows ON planning_alternative;
DROP TRIGGER append_only_table ON planning_alternative;
"""


class Migration(migrations.Migration):
    dependencies = [("planning", "0004_alternatives")]

    operations = [migrations.RunSQL(APPEND_ONLY, REVERSED)]
