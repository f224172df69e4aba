"""Probes of the rights of the processes, and of the record that nobody rewrites."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from planning import operations as ops
from planning.models import (
    Escalation,
    PlanAlternative,
    PlanRefusal,
    PlanViewing,
)
from tests.planning.builders import AT, hash_of
from tests.planning.guards.forcing import forced
from tests.planning.guards.lending import blocker, freeze
from tests.planning.guards.outgoing import sent
from tests.planning.guards.policies import confirm, propose
from tests.planning.guards.stand import NUMBERS, Stand, denied, probe, sql
from tests.planning.machine.base import check_deferred

FOREIGN = {
    "planning_vote": ("worker", "dispatch"),
    "planning_voteassertion": ("worker", "dispatch"),
    "planning_breakglass": ("worker", "dispatch"),
    "planning_delegation": ("worker", "dispatch"),
    "planning_estimate": ("worker", "dispatch"),
    "planning_commentresolution": ("worker", "dispatch"),
    "planning_freezelift": ("worker", "dispatch"),
    "planning_policyconfirmation": ("worker", "dispatch"),
    "planning_passkey": ("worker", "dispatch"),
    "planning_stepupchallenge": ("worker", "dispatch"),
    "planning_passkeyreset": ("worker", "dispatch"),
    "planning_planversion": ("web", "dispatch"),
    "planning_plannedevent": ("web", "dispatch"),
    "dispatch_claim": ("web", "worker"),
    "dispatch_signal": ("web", "worker"),
}


@probe
def rows_of_another_process(s: Stand) -> None:
    for table, roles in FOREIGN.items():
        for role in roles:
            with denied("permission denied"), s.role(role):
                sql(f"INSERT INTO {table} DEFAULT VALUES")


RECORDS = (
    *("planning_planrequest", "planning_planversion", "planning_plannedevent", "planning_alternative"),
    *("planning_vote", "planning_voteassertion", "planning_transition", "planning_planrefusal"),
    *("planning_approvalpolicy", "planning_policyconfirmation", "planning_delegation", "planning_delegationend"),
    *("planning_comment", "planning_commentresolution", "planning_freeze", "planning_freezelift"),
    *("planning_breakglass", "planning_breakglassreview", "planning_escalation", "planning_estimate"),
    *("planning_planviewing", "planning_passkey", "planning_passkeyend", "planning_passkeyreset"),
)


def fill(s: Stand) -> None:
    """A row in every table of the record."""
    made = sent(s)
    version, omar = made.version, s.who("omar")
    plan = s.edited()
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    _review(s, forced(s).pk)
    given = s.content(plan, "omar")
    ops.give_estimate(**given, mw=Decimal(1))
    ops.resolve_comment(comment_id=blocker(s, plan=plan).pk, by=s.who("oscar"), at=AT, text="x")
    ops.note_viewing(plan_id=plan.pk, content_hash=hash_of(plan), by=omar, seconds=3)
    Escalation.objects.create(version=version, share_pct=50, at=AT)
    PlanAlternative.objects.create(version=version, option="do_nothing", **dict.fromkeys(NUMBERS, 0))
    confirm(s, propose(s).number)
    loan = s.lend("stan", "omar")
    ops.end_delegation(delegation_id=loan.pk, by=omar, at=AT)
    frozen = freeze(s)
    ops.lift_freeze(freeze_id=frozen.pk, by=s.who("sam"), at=AT, reason="x")
    ops.reset_passkeys(user_id=s.people["sue"].pk, by=s.who("adam"), reason="x", at=AT)
    ops.end_passkey(passkey_id=s.people["stan"].passkeys.get().pk, by=s.who("stan"))
    PlanRefusal.objects.create(plan=plan, by=omar, attempted="x", why="x", at=AT)
    assert PlanViewing.objects.exists()


def _review(s: Stand, number: int) -> Any:
    return ops.review_break_glass(break_glass_id=number, by=s.who("sue"), at=AT, finding="JUSTIFIED", text="x")


@probe
def rewriting_the_record(s: Stand) -> None:
    """Not even the owner of the tables."""
    fill(s)
    check_deferred()  # pending checks alone would stop a TRUNCATE
    for table in (*RECORDS, "dispatch_claim", "dispatch_signal", "planning_stepupchallenge"):
        assert sql(f"SELECT 1 FROM {table} LIMIT 1"), table
        rewrites = ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET id = id"]
        for rewrite in rewrites if table in RECORDS or table == "dispatch_claim" else rewrites[:2]:
            with denied(f"{table} is append-only"), s.role("owner"):
                sql(rewrite.format(table))
