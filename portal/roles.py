"""Who may do what, in one table. Operations check `by.has_perm(...)`; this only maps roles to permissions."""

from __future__ import annotations

from collections.abc import Mapping

VIEW = (
    "grid.view_snapshot",
    "cohorts.view_cohort",
    "planning.view_plan",
    "dispatch.view_signal",
)

# Whoever audits may look into the record and have it verified.
RECORD = (
    "ledger.view_event",
    "ledger.view_verification",
    "ledger.add_verification",
    "ledger.export_record",
    "portal.review_access",
)

ROLES: Mapping[str, tuple[str, ...]] = {
    "operator": (
        *VIEW,
        "grid.control_clock",
        "cohorts.add_cohort",
        "cohorts.change_cohort",
        "planning.propose_plan",
        "planning.edit_plan",
        "planning.approve_plan",
        "planning.reject_plan",
        "planning.abort_plan",
        "planning.freeze_sending",
        "planning.delegate_vote",
    ),
    "supervisor": (
        *VIEW,
        "grid.control_clock",
        "cohorts.add_cohort",
        "cohorts.change_cohort",
        "planning.propose_plan",
        "planning.edit_plan",
        "planning.approve_plan",
        "planning.approve_large_plan",
        "planning.reject_plan",
        "planning.abort_plan",
        "planning.freeze_sending",
        "planning.lift_freeze",
        "planning.delegate_vote",
        "planning.change_policy",
        "planning.break_glass",
        "planning.review_break_glass",
        "planning.view_oversight",
        *RECORD,
        "ledger.add_holdrelease",
    ),
    "auditor": (*VIEW, *RECORD, "planning.view_oversight"),
    # Admins look after people and configuration; they do not vote.
    "admin": (
        *VIEW,
        "portal.view_user",
        "portal.add_user",
        "portal.change_user",
        "auth.view_group",
        "planning.reset_passkeys",
        "portal.review_access",
    ),
}


class PermissionMissing(Exception):
    """The table names a permission that no app defines."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        super().__init__(f"portal/roles.py names unknown permissions: {', '.join(sorted(names))}")


def apply_roles() -> None:
    """Make the groups say exactly what the table says. Idempotent; run after each migration."""
    from django.contrib.auth.models import Group, Permission

    by_name = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    missing = {name for names in ROLES.values() for name in names} - by_name.keys()
    if missing:
        raise PermissionMissing(missing)
    for role, names in ROLES.items():
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set([by_name[name] for name in names])
