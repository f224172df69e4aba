"""Signing out, leaving and losing a right end open event streams at once: the web processes are told to look again."""

from django.db import migrations

TOLD = {
    "django_session": ("DELETE",),
    "portal_user": ("UPDATE OF is_active, is_superuser, password", "DELETE"),
    "portal_user_groups": ("INSERT", "DELETE"),
    "auth_group_permissions": ("INSERT", "DELETE"),
}
TRIGGERS = "\n".join(
    f"""
CREATE TRIGGER tell_{event.split()[0].lower()} AFTER {event} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION grid_tell_any('people');"""
    for table, events in TOLD.items()
    for event in events
)
TRIGGERS_REVERSED = "\n".join(
    f"DROP TRIGGER tell_{event.split()[0].lower()} ON {table};" for table, events in TOLD.items() for event in events
)


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0001_initial"),
        ("grid", "0004_tell"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(TRIGGERS, TRIGGERS_REVERSED)]
