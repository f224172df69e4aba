"""Claiming and sending wait for a freeze that is being written: planning's 0010.

What is only queued does not wait (it is looked at again when it is sent), nor does the cancelling of an abort.
"""

from django.db import migrations

FREEZE = """
CREATE TRIGGER a_freeze_comes_first BEFORE INSERT ON dispatch_claim FOR EACH ROW EXECUTE FUNCTION planning_let_freezes_first();
CREATE TRIGGER a_freeze_comes_first BEFORE UPDATE ON dispatch_signal
    FOR EACH ROW WHEN (OLD.status = 'QUEUED' AND NEW.status = 'SENT' AND NEW.kind = 'EVENT')
    EXECUTE FUNCTION planning_let_freezes_first();
ALTER TABLE dispatch_claim ENABLE ALWAYS TRIGGER a_freeze_comes_first;
ALTER TABLE dispatch_signal ENABLE ALWAYS TRIGGER a_freeze_comes_first;
"""
REVERSED = """
DROP TRIGGER a_freeze_comes_first ON dispatch_signal;
DROP TRIGGER a_freeze_comes_first ON dispatch_claim;
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0004_tell"), ("planning", "0010_freeze_comes_first")]

    operations = [migrations.RunSQL(FREEZE, REVERSED)]
