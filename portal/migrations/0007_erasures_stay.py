"""That something was erased stays known."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON portal_erasure
    FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON portal_erasure
    FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE portal_erasure ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE portal_erasure ENABLE ALWAYS TRIGGER append_only_table;
"""
BACKWARD = """
DROP TRIGGER append_only_table ON portal_erasure;
DROP TRIGGER append_only_rows ON portal_erasure;
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0006_erasure"), ("planning", "0003_fence")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
