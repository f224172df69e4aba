"""Which tables the record takes rows from. `apply_sources` puts the triggers on them after each migration.

A table of decisions that stands in no row here fails tests/portal/ledger/test_sources.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

PLAIN_TEXT: Final = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601';"
    " SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1"
)
"""How a session writes rows as text: the same as the settings of `ledger_record`."""
VERSION: Final = "version_id>planning_planversion.plan_id"


@dataclass(frozen=True)
class Source:
    """A table whose rows are recorded.

    `key` leads from the row to what its stream is about, see `ledger_key` in migrations/0002; a row whose path leads
    nowhere is of the stream `otherwise`. `person` is the column of who acted. What is in `omitted` stays out of the
    record: secrets, and names, which may have to be erased.
    """

    table: str
    stream: str
    key: str = ""
    person: str = ""
    omitted: tuple[str, ...] = ()
    append_only: bool = True
    otherwise: str = ""

    @property
    def events(self) -> str:
        return "INSERT" if self.append_only else "INSERT OR UPDATE OR DELETE"


def _of_plan(
    table: str, key: str = VERSION, person: str = "by_id", *, append_only: bool = True, otherwise: str = ""
) -> Source:
    return Source(table, "plan", key, person, append_only=append_only, otherwise=otherwise)


PLANS: Final = (
    _of_plan("planning_plan", "id", "requested_by_id", append_only=False),
    _of_plan("planning_planrequest", "plan_id"),
    _of_plan("planning_planversion", "plan_id", ""),
    _of_plan("planning_plannedevent", person=""),
    _of_plan("planning_alternative", person=""),
    _of_plan("planning_vote", person="voter_id"),
    _of_plan(
        "planning_voteassertion",
        f"vote_id>planning_vote.{VERSION}|break_glass_id>planning_breakglass.{VERSION}",
        "",
        otherwise="people",  # what a key signed for the next key
    ),
    _of_plan("planning_transition", "plan_id"),
    _of_plan("planning_planrefusal", "plan_id", otherwise="refusals"),
    _of_plan("planning_comment"),
    _of_plan("planning_commentresolution", f"comment_id>planning_comment.{VERSION}"),
    _of_plan("planning_breakglass"),
    _of_plan("planning_breakglassreview", f"break_glass_id>planning_breakglass.{VERSION}"),
    _of_plan("planning_escalation", person=""),
    _of_plan("planning_estimate"),
    _of_plan("planning_planviewing"),
    _of_plan("dispatch_claim", "plan_id", ""),
    _of_plan("dispatch_signal", person="", append_only=False),
    _of_plan("dispatch_receipt", f"signal_id>dispatch_signal.{VERSION}", ""),
    _of_plan("dispatch_eventresult", "claim_id>dispatch_claim.plan_id", "", append_only=False),
)
PEOPLE: Final = (
    Source(
        "portal_user",
        "people",
        omitted=("password", "first_name", "last_name", "email", "username", "last_login"),
        append_only=False,
    ),
    Source("portal_user_groups", "people", append_only=False),
    Source("portal_user_user_permissions", "people", append_only=False),
    Source("auth_group", "people", append_only=False),
    Source("auth_group_permissions", "people", append_only=False),
    Source("portal_apitoken", "people", person="user_id", omitted=("digest",), append_only=False),
    Source("planning_passkey", "people", person="user_id"),
    Source("planning_passkeyend", "people", person="by_id"),
    Source("planning_passkeyreset", "people", person="by_id"),
    Source("planning_stepupchallenge", "people", person="user_id", append_only=False),
    Source("planning_delegation", "people", person="delegator_id"),
    Source("planning_delegationend", "people", person="by_id"),
)
RULES: Final = (
    Source("planning_approvalpolicy", "policy", person="proposed_by_id"),
    Source("planning_policyconfirmation", "policy", person="by_id"),
    Source("planning_freeze", "freezes", person="by_id"),
    Source("planning_freezelift", "freezes", person="by_id"),
)
RECORD: Final = (
    Source("portal_signin", "sign-ins", person="user_id", omitted=("tried_name", "address")),
    Source("portal_erasure", "people", person="by_id"),
    Source("ledger_verification", "record", person="by_id"),
    Source("ledger_holdrelease", "record", person="by_id"),
    Source("ledger_export", "exports", person="by_id", omitted=("spans",)),
    Source("ledger_cut", "retention"),
)
SURROUNDINGS: Final = (
    Source("grid_clockchange", "clock", person="by_id"),
    Source("cohorts_cohortchange", "cohort", "cohort_id", "by_id"),
    Source("cohorts_cohort", "cohort", "id", append_only=False),
    Source("dispatch_ven", "cohort", "cohort_id", append_only=False),
)
SOURCES: Final = (*PLANS, *PEOPLE, *RULES, *RECORD, *SURROUNDINGS)


def apply_sources() -> None:
    """Put the recording trigger on every source, as the table above says. Run as owner; idempotent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('ledger_record()') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return  # migrated back behind the record
        for source in SOURCES:
            cursor.execute(
                "SELECT to_regclass(%s) IS NOT NULL, EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(%s)"
                " AND tgname = 'ledger_record')",
                [source.table, source.table],
            )
            exists, recorded = cursor.fetchone()
            if exists:
                with transaction.atomic():
                    cursor.execute(trigger_sql(source))
                    if not recorded:
                        cursor.execute(existing_sql(source))
                    _bound_instants(cursor, source)


def _bound_instants(cursor: Any, source: Source) -> None:
    """A row whose instants no reader can take (infinity, before 1900, past 9999) is refused: it would hide others."""
    cursor.execute(
        "SELECT quote_ident(a.attname), b.name FROM pg_attribute a"
        " CROSS JOIN LATERAL (SELECT 'instant_' || a.attnum || '_is_one' AS name) b"
        " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        " AND a.atttypid = 'timestamptz'::regtype AND b.name NOT IN"
        " (SELECT c.conname::text FROM pg_constraint c WHERE c.conrelid = a.attrelid) ORDER BY a.attnum",
        [source.table],
    )
    span = "> '1900-01-01 00:00:00+00' AND {0} < '9999-01-01 00:00:00+00'"
    added = [
        f"ADD CONSTRAINT {name} CHECK ({column} {span.format(column)}) NOT VALID" for column, name in cursor.fetchall()
    ]
    if added:
        cursor.execute(f"ALTER TABLE {source.table} {', '.join(added)}")


def trigger_sql(source: Source) -> str:
    """The statement that makes a source's trigger. Nothing here comes from outside."""
    arguments = (source.stream, source.key, source.person, ",".join(source.omitted), "id", source.otherwise)
    quoted = ", ".join("'" + argument.replace("'", "''") + "'" for argument in arguments)
    return (
        f"CREATE OR REPLACE TRIGGER ledger_record AFTER {source.events} ON {source.table}"
        f" FOR EACH ROW EXECUTE FUNCTION ledger_record({quoted});"
        f" ALTER TABLE {source.table} ENABLE ALWAYS TRIGGER ledger_record"
    )


def existing_sql(source: Source) -> str:
    """The statement that records the rows a table has when its recording begins, as op EXISTING."""
    omitted, key = (text.replace("'", "''") for text in (",".join(source.omitted), source.key))
    stream = f"'{source.stream}'"
    if key:
        nowhere = source.otherwise or source.stream
        stream = f"coalesce('{source.stream}:' || ledger_key(given, '{key}'), '{nowhere}')"
    person = f"coalesce(given ->> '{source.person}', '')" if source.person else "''"
    select = (
        f"SELECT {stream}, '{source.table}', 'EXISTING', id::text, {person}, '',"  # noqa: S608 (SOURCES)
        f" ledger_row_text(given, '{omitted}')"
        f" FROM (SELECT id, to_jsonb(t) AS given FROM {source.table} t ORDER BY id) rows"
    )
    return f"{PLAIN_TEXT}; INSERT INTO ledger_event (stream, source, op, row_key, actor, context, body) {select}"
