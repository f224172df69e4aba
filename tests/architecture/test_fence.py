"""Every table has its rights said out loud, PostgreSQL grants exactly those, and history cannot be rewritten."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from portal.embedded import login_name
from portal.fence import HIDDEN, ROLES, WRITES

# Nobody who serves requests writes these: migrations and the table of roles do, as owner.
READ_ONLY = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "ledger_cut",
    "ledger_event",
    "ledger_link",
    "portal_erasure",
    "pghistory_context",
}
PRIVILEGES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
APPEND_ONLY = {
    "grid_clockchange",
    "cohorts_cohortchange",
    "planning_planrequest",
    "planning_planversion",
    "planning_plannedevent",
    "planning_alternative",
    "planning_vote",
    "planning_transition",
    "planning_planrefusal",
    "planning_approvalpolicy",
    "planning_policyconfirmation",
    "planning_delegation",
    "planning_delegationend",
    "planning_comment",
    "planning_commentresolution",
    "planning_freeze",
    "planning_freezelift",
    "planning_breakglass",
    "planning_breakglassreview",
    "planning_escalation",
    "planning_estimate",
    "planning_planviewing",
    "planning_passkey",
    "planning_passkeyend",
    "planning_passkeyreset",
    "planning_voteassertion",
    "dispatch_claim",
}
# The state of a plan moves, and a challenge is spent; a trigger of its own says how.
CHANGES = {"planning_plan", "planning_stepupchallenge"}
DECISIONS = {table for table in APPEND_ONLY if table.startswith(("planning_", "dispatch_"))}
ROW, BEFORE, DELETE, UPDATE, TRUNCATE = 1, 2, 8, 16, 32  # pg_trigger.tgtype
GUARDED = {
    "planning_planversion": {"version_names_the_policy"},
    "planning_vote": {"vote_is_entitled", "passkey_vote_has_its_assertion"},
    "planning_approvalpolicy": {"policy_is_proposed_by_right"},
    "planning_policyconfirmation": {"confirmation_is_by_a_second_person"},
    "planning_breakglass": {"break_glass_is_entitled", "break_glass_has_its_assertion"},
    "planning_breakglassreview": {"review_is_by_a_second_person"},
    "planning_freeze": {"freeze_by_right"},
    "planning_freezelift": {"lift_by_right"},
    "planning_delegation": {"delegation_by_right", "delegate_by_right"},
    "planning_commentresolution": {"resolution_by_right"},
    "planning_stepupchallenge": {"challenge_is_used_once", "challenge_stays", "challenges_stay"},
    "dispatch_claim": {"claim_is_authorised"},
    "dispatch_signal": {"signal_is_approved", "signal_content_stays", "signal_stays", "signals_stay"},
}


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in cursor.fetchall()}


def always_triggers(table: str) -> dict[str, int]:
    """Types by name of the triggers that fire whatever `session_replication_role` says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgtype FROM pg_trigger"
            " WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'A'",
            [table],
        )
        return dict(cursor.fetchall())


def stops(table: str, *bits: int) -> bool:
    """Whether some trigger of the table that always fires has all these bits."""
    return any(kind & sum(bits) == sum(bits) for kind in always_triggers(table).values())


@pytest.mark.django_db
class TestRights:
    def test_every_table_is_in_the_table_of_rights_or_read_only_on_purpose(self) -> None:
        assert tables() - WRITES.keys() == READ_ONLY

    def test_the_table_of_rights_names_tables_that_exist(self) -> None:
        assert WRITES.keys() - tables() == set()

    def test_models_have_no_table_elsewhere(self) -> None:
        queries = {"pghistory_events"}  # a model over a query that pghistory puts together, without a table
        models = apps.get_models(include_auto_created=True)
        assert {m._meta.db_table for m in models} - queries <= tables()

    @pytest.mark.parametrize("role", ROLES)
    def test_postgresql_grants_exactly_the_table(self, role: str) -> None:
        granted, meant = {}, {}
        with connection.cursor() as cursor:
            for table in sorted(tables()):
                cursor.execute(
                    "SELECT p FROM unnest(%s::text[]) p WHERE has_table_privilege(%s, %s, p)",
                    [list(PRIVILEGES), login_name(role), table],
                )
                granted[table] = {row[0] for row in cursor.fetchall()}
                words = WRITES.get(table, {}).get(role, "")
                meant[table] = {word.strip() for word in words.split(",") if word}
        assert granted == meant

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_secrets_are_readable_by_web_alone(self, role: str) -> None:
        with connection.cursor() as cursor:
            for table in HIDDEN:
                cursor.execute("SELECT has_table_privilege(%s, %s, 'SELECT')", [login_name(role), table])
                assert cursor.fetchone() == (False,)
            cursor.execute("SELECT has_column_privilege(%s, 'portal_user', 'password', 'SELECT')", [login_name(role)])
            assert cursor.fetchone() == (False,)

    @pytest.mark.parametrize("role", ROLES)
    def test_no_serving_role_owns_anything_or_is_superuser(self, role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
                " (SELECT count(*) FROM pg_class WHERE relowner = r.oid),"
                " (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)"
                " FROM pg_roles r WHERE rolname = %s",
                [login_name(role)],
            )
            assert cursor.fetchone() == (False, False, False, False, False, 0, 0)

    @pytest.mark.parametrize("role", ROLES)
    def test_no_serving_role_may_create_in_the_schema(self, role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [login_name(role)])
            assert cursor.fetchone() == (False,)

    def test_deciding_and_sending_are_apart(self) -> None:
        voters = {role for role in ROLES if "INSERT" in WRITES["planning_vote"].get(role, "")}
        senders = {role for role in ROLES if "INSERT" in WRITES["dispatch_signal"].get(role, "")}
        assert (voters, senders) == ({"web"}, {"dispatch"})

    def test_people_speak_through_web_alone(self) -> None:
        """All of planning but what the planner proposes, the clock's steps, and the moves of a plan."""
        shared = {"planning_plan", "planning_planrequest", "planning_transition"}
        of_the_worker = {"planning_planversion", "planning_plannedevent", "planning_alternative", "planning_escalation"}
        for table in {table for table in WRITES if table.startswith("planning_")} - shared:
            assert WRITES[table].keys() == ({"worker"} if table in of_the_worker else {"web"}), table

    def test_definer_functions_pin_their_search_path(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
                " WHERE n.nspname = 'public' AND prosecdef"
                " AND NOT coalesce(array_to_string(proconfig, ','), '') LIKE 'search_path=pg_catalog%'"
            )
            assert cursor.fetchall() == []


@pytest.mark.django_db
class TestAppendOnly:
    def test_every_table_of_planning_is_but_those_said_to_change(self) -> None:
        assert {table for table in tables() if table.startswith("planning_")} - APPEND_ONLY == CHANGES

    @pytest.mark.parametrize("table", sorted(APPEND_ONLY))
    def test_rows_stay_whoever_asks(self, table: str) -> None:
        assert stops(table, ROW, BEFORE, UPDATE, DELETE)

    @pytest.mark.parametrize("table", sorted(DECISIONS))
    def test_decisions_are_not_truncated_either(self, table: str) -> None:
        assert stops(table, BEFORE, TRUNCATE)

    @pytest.mark.parametrize("table", sorted(APPEND_ONLY))
    def test_no_role_may_update_or_delete(self, table: str) -> None:
        rights = " ".join(WRITES[table].values())
        assert "UPDATE" not in rights
        assert "DELETE" not in rights

    @pytest.mark.parametrize("table", sorted(GUARDED))
    def test_guards_fire_always(self, table: str) -> None:
        assert always_triggers(table).keys() >= GUARDED[table]
