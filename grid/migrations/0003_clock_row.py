"""The clock's single row, live on simulated data until a start says otherwise: web may change it, nobody may add one."""

from django.db import migrations

ROW = """
INSERT INTO grid_clock (id, mode, source, random_seed, data_source, label, speed, paused, vote_pending, hold_for_votes, run)
VALUES (1, 'LIVE', 'synthetic', 1, 'synthetic:1', 'SIMULATED GRID', 1, false, false, true, 0)
"""


class Migration(migrations.Migration):
    dependencies = [("grid", "0002_clock_functions")]

    operations = [migrations.RunSQL(ROW, "DELETE FROM grid_clock WHERE id = 1")]
