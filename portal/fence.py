"""What each database role may write, in one table. Everything else it may only read.

web votes and cannot send, dispatch sends and cannot vote, worker does neither. `apply_rights` runs as owner after
each migration; a table that stands in no row here is readable only, so a new table must be entered before anyone can
write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.db import connection

ROLES: Final = ("web", "worker", "dispatch")
ADD: Final = "INSERT"
EDIT: Final = "INSERT, UPDATE"
FULL: Final = "INSERT, UPDATE, DELETE"

WRITES: Final[Mapping[str, Mapping[str, str]]] = {
    # people, sessions, admin: web only
    "portal_user": {"web": EDIT},
    "portal_user_groups": {"web": FULL},
    "portal_user_user_permissions": {"web": FULL},
    "portal_apitoken": {"web": EDIT},
    "portal_signin": {"web": ADD},
    "django_session": {"web": FULL},
    "django_admin_log": {"web": ADD},
    # task queue: web and dispatch hand work over, the worker does it
    "django_q_ormq": {"web": FULL, "worker": FULL, "dispatch": ADD},
    "django_q_task": {"worker": FULL},
    "django_q_schedule": {"worker": FULL},
    # grid
    "grid_clock": {},
    "grid_clockchange": {"web": ADD},
    "grid_snapshot": {"worker": EDIT},
    "grid_forecastvintage": {"worker": EDIT},
    "grid_forecastpoint": {"worker": EDIT},
    "grid_weatherobservation": {"worker": EDIT},
    "grid_processheartbeat": {"worker": EDIT, "dispatch": EDIT},
    # cohorts
    "cohorts_cohort": {"web": EDIT},
    "cohorts_account": {"web": EDIT},
    "cohorts_endpoint": {"web": EDIT},
    "cohorts_cohortchange": {"web": ADD},
    # planning: web asks and votes, the worker proposes, dispatch only moves the state
    "planning_plan": {"web": EDIT, "worker": EDIT, "dispatch": "UPDATE"},
    "planning_planrequest": {"web": ADD, "worker": ADD},
    "planning_planversion": {"worker": ADD},
    "planning_plannedevent": {"worker": ADD},
    "planning_alternative": {"worker": ADD},
    "planning_vote": {"web": ADD},
    "planning_transition": {"web": ADD, "worker": ADD, "dispatch": ADD},
    "planning_planrefusal": {"web": ADD},
    # who decides how: people through web alone; the worker notes only that time has passed
    "planning_approvalpolicy": {"web": ADD},
    "planning_policyconfirmation": {"web": ADD},
    "planning_delegation": {"web": ADD},
    "planning_delegationend": {"web": ADD},
    "planning_comment": {"web": ADD},
    "planning_commentresolution": {"web": ADD},
    "planning_freeze": {"web": ADD},
    "planning_freezelift": {"web": ADD},
    "planning_breakglass": {"web": ADD},
    "planning_breakglassreview": {"web": ADD},
    "planning_escalation": {"worker": ADD},
    "planning_estimate": {"web": ADD},
    "planning_planviewing": {"web": ADD},
    "planning_passkey": {"web": ADD},
    "planning_passkeyend": {"web": ADD},
    "planning_passkeyreset": {"web": ADD},
    "planning_stepupchallenge": {"web": EDIT},
    "planning_voteassertion": {"web": ADD},
    # dispatch
    "dispatch_ven": {"dispatch": ADD},
    "dispatch_claim": {"dispatch": ADD},
    "dispatch_signal": {"dispatch": EDIT},
    "dispatch_receipt": {"worker": ADD},
    "dispatch_endpointoutcome": {"worker": EDIT},
    "dispatch_cohorttelemetry": {"worker": EDIT},
    "dispatch_eventresult": {"worker": EDIT},
    # history for people: the triggers write as whoever writes the row (docs/adr/0010)
    "history_trackedcohortevent": {"web": ADD},
    "history_trackedplanevent": {"web": ADD, "worker": ADD, "dispatch": ADD},
    "history_trackedsignalevent": {"dispatch": ADD},
    "history_trackedvenevent": {"dispatch": ADD},
    "history_trackedeventresultevent": {"worker": ADD},
    "history_trackeduserevent": {"web": ADD},
    "history_trackedapitokenevent": {"web": ADD},
    # the record: events and links come from triggers alone
    "ledger_checkpoint": {"worker": ADD},
    "ledger_verification": {"worker": ADD},
    "ledger_holdrelease": {"web": ADD},
    "ledger_export": {"web": ADD},
}

# Of the clock a person may change how scenario time runs; its mode, which says who may be told anything, only a start.
COLUMN_UPDATES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "grid_clock": {"web": ("speed", "paused", "scenario_anchor", "wall_anchor")},
}

# Secrets that only web reads: of these tables the others see the columns named here, which the record's verification
# looks at too (it runs in the worker).
HIDDEN: Final[Mapping[str, str]] = {
    "django_session": "",
    "portal_apitoken": "id, user_id, label, created_at, revoked_at",
    "portal_user": "id, username, first_name, last_name, is_active, is_staff, is_superuser, date_joined",
}


def apply_rights() -> None:
    """Grant exactly what the table above says. Run as owner.

    Nothing to do where all roles share one login; `/readyz` then says that the fence is weakened.
    """
    users = {role: settings.PORTAL_DATABASE_USERS.get(role, "") for role in (*ROLES, "owner")}
    if len({*users.values()} - {""}) < len(users):
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] in {users[role] for role in ROLES}:
            return  # migrated by something else than the owner: nothing to grant from
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        tables = [row[0] for row in cursor.fetchall()]
        for role in ROLES:
            login = quote(users[role])
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {login}")
            for table in tables:
                cursor.execute(f"REVOKE ALL ON {quote(table)} FROM {login}")
                rights = rights_of(role, table)
                if rights:
                    cursor.execute(f"GRANT {rights} ON {quote(table)} TO {login}")


def rights_of(role: str, table: str) -> str | None:
    """The privileges of a role on a table as a GRANT spells them; None: not even reading."""
    if table in HIDDEN and role != "web":
        return f"SELECT ({HIDDEN[table]})" if HIDDEN[table] else None
    rights = ["SELECT", *filter(None, [WRITES.get(table, {}).get(role)])]
    columns = COLUMN_UPDATES.get(table, {}).get(role)
    if columns:
        rights.append(f"UPDATE ({', '.join(columns)})")
    return ", ".join(rights)


def fence_state() -> str:
    """`full` when this connection can vote but not send, else `weakened`; asked of PostgreSQL, not of the settings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('planning_vote', 'INSERT'), has_table_privilege('dispatch_signal', 'INSERT')"
        )
        votes, sends = cursor.fetchone()
    return "full" if votes and not sends else "weakened"
