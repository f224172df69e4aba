"""Rows that nobody could read any more would hide the plan they belong to: PostgreSQL refuses them.

Applying it also lets `apply_sources` bound the instants of every recorded table, on databases that exist.
"""

from django.db import migrations

READABLE = r"""
ALTER TABLE planning_planrequest
    ADD CONSTRAINT request_cohorts_are_numbers CHECK (cohort_ids::text ~ '^\[([0-9]{1,18}(, [0-9]{1,18})*)?\]$') NOT VALID,
    ADD CONSTRAINT request_target_is_a_number CHECK (target_mw <> 'NaN') NOT VALID;
ALTER TABLE planning_estimate ADD CONSTRAINT estimate_is_a_number CHECK (mw <> 'NaN') NOT VALID;
ALTER TABLE planning_delegation ADD CONSTRAINT delegation_most_is_a_number CHECK (max_mw <> 'NaN') NOT VALID;
"""
REVERSED = """
ALTER TABLE planning_planrequest DROP CONSTRAINT request_cohorts_are_numbers, DROP CONSTRAINT request_target_is_a_number;
ALTER TABLE planning_estimate DROP CONSTRAINT estimate_is_a_number;
ALTER TABLE planning_delegation DROP CONSTRAINT delegation_most_is_a_number;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_retention"), ("planning", "0013_sending_hold")]
    operations = [migrations.RunSQL(READABLE, REVERSED)]
