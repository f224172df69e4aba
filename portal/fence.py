"""What each database role may write, in one table. Everything else it may only read.

web votes and cannot send, dispatch sends and cannot vote, worker does neither. `apply_rights` runs as owner after each
migration; a table that stands in no row here is readable only, so a new table must be entered before anyone can write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.db import connection

ROLES: Final = ("web", "worker", "dispatch")
I, IU, IUD = "INSERT", "INSERT, UPDATE", "INSERT, UPDATE, DELETE"

WRITES: Final[Mapping[str, Mapping[str, str]]] = {
    # people, sessions, admin: web only
    "portal_user": {"web": IU},
    "portal_user_groups": {"web": IUD},
    "portal_user_user_permissions": {"web": IUD},
    "portal_apitoken": {"web": IU},
    "django_session": {"web": IUD},
    "django_admin_log": {"web": I},
    # task queue: web and dispatch hand work over, the worker does it
    "django_q_ormq": {"web": IUD, "worker": IUD, "dispatch": I},
    "django_q_task": {"worker": IUD},
    "django_q_schedule": {"worker": IUD},
    # grid
    "grid_clock": {"web": "UPDATE"},
    "grid_clockchange": {"web": I},
    "grid_snapshot": {"worker": IU},
    "grid_forecastvintage": {"worker": IU},
    "grid_forecastpoint": {"worker": IU},
    "grid_weatherobservation": {"worker": IU},
    "grid_weatherforecastpoint": {"worker": IUD},
    "grid_processheartbeat": {"worker": IU, "dispatch": IU},
    # cohorts
    "cohorts_cohort": {"web": IU},
    "cohorts_account": {"web": IU},
    "cohorts_endpoint": {"web": IU},
    "cohorts_cohortchange": {"web": I},
    # planning: web asks and votes, the worker proposes, dispatch only moves the state
    "planning_plan": {"web": IU, "worker": IU, "dispatch": "UPDATE"},
    "planning_planrequest": {"web": I, "worker": I},
    "planning_planversion": {"worker": I},
    "planning_plannedevent": {"worker": I},
    "planning_vote": {"web": I},
    "planning_transition": {"web": I, "worker": I, "dispatch": I},
    "planning_planrefusal": {"web": I},
    # dispatch
    "dispatch_ven": {"dispatch": I},
    "dispatch_claim": {"dispatch": I},
    "dispatch_signal": {"dispatch": IU},
    "dispatch_receipt": {"worker": I},
    "dispatch_endpointoutcome": {"worker": IU},
    "dispatch_cohorttelemetry": {"worker": IU},
    "dispatch_eventresult": {"worker": IU},
}

# Secrets that only web reads; of people the others see the names.
HIDDEN: Final = ("portal_apitoken", "django_session", "portal_user")
NAME_COLUMNS: Final = "id, username, first_name, last_name, is_active"


def apply_rights() -> None:
    """Grant exactly what the table above says. Run as owner; a no-op where all roles share one login (weakened fence)."""
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
                cursor.execute(_grant(role, table, login, quote(table)))


def _grant(role: str, table: str, login: str, quoted: str) -> str:
    writes = WRITES.get(table, {}).get(role)
    if table in HIDDEN and role != "web":
        return f"GRANT SELECT ({NAME_COLUMNS}) ON {quoted} TO {login}" if table == "portal_user" else "SELECT 1"
    return f"GRANT SELECT{', ' + writes if writes else ''} ON {quoted} TO {login}"


def fence_state() -> str:
    """`full` when this connection can vote but not send, else `weakened`; asked of PostgreSQL, not of the settings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('planning_vote', 'INSERT'), has_table_privilege('dispatch_signal', 'INSERT')"
        )
        votes, sends = cursor.fetchone()
    return "full" if votes and not sends else "weakened"
