"""A commit waits half a minute for its place in a stream, not for ever.

No other limit ends that wait: `statement_timeout` does not count while a transaction commits. The lock is held for the
length of a commit; who holds it longer is a session that took it by hand.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_readable_rows")]
    operations = [
        migrations.RunSQL(
            "ALTER FUNCTION ledger_seal() SET lock_timeout = '30s'", "ALTER FUNCTION ledger_seal() RESET lock_timeout"
        )
    ]
