"""Probes of the operations that decide: what all share, approve, reject, abort."""

from __future__ import annotations

from planning import operations as ops
from planning.models import PlanRefusal
from planning.record import PlanMoved, move_plan
from tests.planning.builders import APPROVE_BY, AT
from tests.planning.guards.stand import Stand, probe, refused


@probe
def a_role_without_the_right(s: Stand) -> None:
    with refused(ops.PermissionNeeded):
        s.approve(s.plan(), "ada")


@probe
def a_plan_that_does_not_exist(s: Stand) -> None:
    with refused(ops.PlanUnknown):
        s.approve(s.plan(), "omar", plan_id=0)


@probe
def a_plan_of_another_run(s: Stand) -> None:
    plan = s.plan()
    type(plan).objects.update(run=7)
    with refused(ops.OfAnotherRun):
        s.approve(plan, "omar")


@probe
def a_plan_that_awaits_no_vote(s: Stand) -> None:
    plan = s.plan()
    type(plan).objects.update(status="WITHDRAWN")
    with refused(ops.NotAwaitingVote):
        s.approve(plan, "omar")


@probe
def a_stale_hash(s: Stand) -> None:
    with refused(ops.StaleContent):
        s.approve(s.plan(), "omar", content_hash="0" * 64)


@probe
def too_late(s: Stand) -> None:
    with refused(ops.TooLate):
        s.approve(s.plan(), "omar", at=APPROVE_BY)


@probe
def a_refusal_leaves_a_row(s: Stand) -> None:
    plan = s.plan()
    with refused(ops.OwnPlan):
        try:
            s.approve(plan, "olivia")
        except ops.OwnPlan:
            assert PlanRefusal.objects.filter(plan=plan, by=s.people["olivia"]).count() == 1
            raise


@probe
def a_move_the_table_forbids(s: Stand) -> None:
    plan = s.plan()
    with refused(PlanMoved):
        move_plan(plan=plan, to="COMPLETED", at=AT)  # type: ignore[arg-type]


@probe
def a_move_from_a_state_it_is_no_longer_in(s: Stand) -> None:
    plan = s.plan()
    type(plan).objects.update(status="REJECTED")
    with refused(PlanMoved):
        move_plan(plan=plan, to="AUTHORISED", at=AT)  # type: ignore[arg-type]


@probe
def a_wrong_password(s: Stand) -> None:
    with refused(ops.PasswordWrong):
        s.approve(s.plan("30.000"), "sam", password="sue")


@probe
def a_cohort_another_plan_calls(s: Stand) -> None:
    of = s.cohort()
    other, plan = s.plan(of=of), s.plan(of=of)
    s.approve(other, "omar")
    with refused(ops.CohortCommitted):
        s.approve(plan, "omar")


@probe
def ones_own_plan(s: Stand) -> None:
    with refused(ops.OwnPlan):
        s.approve(s.plan(), "olivia")


@probe
def a_second_vote(s: Stand) -> None:
    plan = s.edited()
    s.approve(plan, "sam", signed=s.sign("sam", plan), reason="x")
    with refused(ops.AlreadyVoted):
        s.approve(plan, "sam", signed=s.sign("sam", plan), reason="x")


@probe
def while_frozen(s: Stand) -> None:
    ops.freeze(by=s.who("omar"), at=AT, reason="storm")
    with refused(ops.Frozen):
        s.approve(s.plan(), "omar")


@probe
def with_a_blocker_open(s: Stand) -> None:
    plan = s.plan()
    ops.add_comment(**s.content(plan, "oscar"), text="no", blocker=True)
    with refused(ops.BlockerOpen):
        s.approve(plan, "omar")


@probe
def a_seat_kept_for_a_supervisor(s: Stand) -> None:
    with refused(ops.VoteRefused, "supervisor"):
        s.approve(s.plan("30.000"), "omar", password="omar")


@probe
def who_cannot_vote_is_asked_for_nothing_first(s: Stand) -> None:
    with refused(ops.VoteRefused, "takes no part in decisions"):
        s.approve(s.plan("90.000"), "both")


@probe
def without_an_estimate(s: Stand) -> None:
    plan = s.plan("90.000")
    with refused(ops.EstimateMissing):
        s.approve(plan, "sam", signed=s.sign("sam", plan), reason="x")


@probe
def without_the_password(s: Stand) -> None:
    with refused(ops.StepUpNeeded):
        s.approve(s.plan("30.000"), "sam")


@probe
def without_a_reason(s: Stand) -> None:
    plan = s.edited()
    with refused(ops.ReasonMissing):
        s.approve(plan, "sam", signed=s.sign("sam", plan))


@probe
def drifted_too_far(s: Stand) -> None:
    with refused(ops.DriftedTooFar):
        s.approve(s.plan(accounts=40), "omar", reason="x")


@probe
def drifted_without_a_word(s: Stand) -> None:
    with refused(ops.DriftNeedsReason):
        s.approve(s.plan(accounts=22), "omar")


@probe
def in_the_name_of_nobody_there_is(s: Stand) -> None:
    with refused(ops.NotLent):
        s.approve(s.plan(), "omar", on_behalf_of=0)


@probe
def in_the_name_of_who_lent_nothing(s: Stand) -> None:
    with refused(ops.VoteRefused, "no delegation covers"):
        s.approve(s.plan(), "omar", on_behalf_of=s.people["sam"].pk)


@probe
def authorised_by_the_last_vote_only(s: Stand) -> None:
    plan = s.edited()
    assert s.approve(plan, "sam", signed=s.sign("sam", plan), reason="x").status == "PARTIAL"
    assert s.approve(plan, "sue", signed=s.sign("sue", plan), reason="x").status == "AUTHORISED"


@probe
def nobody_decided_in_time(s: Stand) -> None:
    plan = s.plan()
    assert [each.pk for each in ops.expire_due(at=APPROVE_BY)] == [plan.pk]


@probe
def reject_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        s.reject(s.plan(), "omar", reason=" ")


@probe
def reject_ones_own(s: Stand) -> None:
    with refused(ops.OwnPlan):
        s.reject(s.plan(), "olivia")


@probe
def abort_what_is_over(s: Stand) -> None:
    plan = s.plan()
    type(plan).objects.update(status="REJECTED")
    with refused(ops.NothingToStop):
        ops.abort_plan(plan_id=plan.pk, by=s.who("omar"), at=AT)
