"""Probes of claims: rows as dispatch, then what the operations leave alone."""

from __future__ import annotations

from dispatch import operations as dispatch
from dispatch.models import Signal
from planning.models import (
    BreakGlass,
    Plan,
)
from tests.planning import builders
from tests.planning.builders import AT, END
from tests.planning.guards.forcing import forced
from tests.planning.guards.lending import blocker, freeze
from tests.planning.guards.outgoing import claim, claimed, move
from tests.planning.guards.stand import Stand, denied, probe, sql


@probe
def claim_of_another_plan_s_version(s: Stand) -> None:
    with denied("the version is not one of this plan"):
        claim(s, s.plan(), version=s.quorum(s.plan()).current_version)


@probe
def claim_without_votes(s: Stand) -> None:
    with denied("0 of 1 votes"):
        claim(s, s.plan())


@probe
def claim_without_a_supervisor_s_vote(s: Stand) -> None:
    """Given while she was one."""
    plan = s.plan("30.000")
    s.vote(plan, "sam", step_up="PASSWORD")
    s.people["sam"].groups.set(s.people["omar"].groups.all())
    with denied("0 of 1 votes of a supervisor"):
        claim(s, plan)


@probe
def claim_of_an_older_version(s: Stand) -> None:
    plan = s.quorum(s.plan())
    old = plan.current_version
    request = plan.requests.create(number=2, by=None, at=AT, strategy="balanced")
    builders.add_version(plan, request, old.events.get().cohort)
    with denied("a newer version of the plan exists"):
        claim(s, plan, version=old)


@probe
def claim_of_what_was_rejected(s: Stand) -> None:
    plan = s.quorum(s.plan())
    s.vote(plan, "stan", decision="REJECT", reason="no")
    with denied("the version was rejected"):
        claim(s, plan)


@probe
def claim_of_what_was_stopped(s: Stand) -> None:
    for state in ("CANCELLED", "ABORTING", "ABORTED", "WITHDRAWN", "EXPIRED", "SUPERSEDED", "REJECTED"):
        plan = s.quorum(s.plan())
        move(plan, state)
        with denied("the plan was stopped"):
            claim(s, plan)


@probe
def claim_while_frozen(s: Stand) -> None:
    plan = s.quorum(s.plan())
    freeze(s)
    with denied("sending is frozen: storm"):
        claim(s, plan)


@probe
def claim_with_a_blocker_open(s: Stand) -> None:
    plan = s.plan()
    s.vote(plan, "omar")
    blocker(s, plan=plan)
    with denied("marked as blocker is not resolved"):
        claim(s, plan)


@probe
def claim_of_what_somebody_forced_who_has_left(s: Stand) -> None:
    made = forced(s)
    type(s.people["sam"]).objects.filter(username="sam").update(is_active=False)
    with denied("0 of 1 votes"):
        claim(s, made.version.plan)


@probe
def claim_of_what_was_forced_under_another_hash(s: Stand) -> None:
    plan = s.plan()
    sql("ALTER TABLE planning_breakglass DISABLE TRIGGER ALL")
    emergency = {"reason_code": "SAFETY", "incident": "1", "reason": "x", "step_up": "PASSKEY", "at": AT}
    BreakGlass.objects.create(version=plan.current_version, content_hash="0" * 64, by=s.people["sam"], **emergency)
    with denied("0 of 1 votes"):
        claim(s, plan)


@probe
def a_second_claim(s: Stand) -> None:
    taken = claimed(s)
    with denied("plan_id"):
        claim(s, taken.plan)


@probe
def a_second_claim_of_the_version(s: Stand) -> None:
    taken = claimed(s)
    sql("ALTER TABLE dispatch_claim DISABLE TRIGGER claim_is_authorised")
    with denied("version_id"):
        claim(s, s.plan(), version=taken.version)


@probe
def what_has_moved_too_far_is_not_claimed(s: Stand) -> None:
    plan = s.plan(accounts=22)
    s.approve(plan, "omar", reason="few left")
    plan.current_version.events.get().cohort.accounts.filter(number__gt=10).update(status="UNENROLLED")
    with s.role("dispatch"):
        assert dispatch.claim_authorised(at=AT, wall_at=AT) == []
    assert not Signal.objects.exists()


@probe
def what_is_late_is_not_claimed(s: Stand) -> None:
    s.quorum(s.plan())
    with s.role("dispatch"):
        assert dispatch.claim_authorised(at=END, wall_at=AT) == []
    assert not Signal.objects.exists()


@probe
def what_is_late_is_not_sent(s: Stand) -> None:
    s.quorum(s.plan())
    with s.role("dispatch"):
        dispatch.claim_authorised(at=AT, wall_at=AT)
        assert dispatch.send_queued(at=END, wall_at=AT) == []
    assert Signal.objects.get().sent_at is None


@probe
def a_freeze_holds_up_and_fails_nothing(s: Stand) -> None:
    plan = s.quorum(s.plan())
    freeze(s)
    with s.role("dispatch"):
        dispatch.run_once(at=AT, wall_at=AT)
    assert Plan.objects.get(pk=plan.pk).status == "AUTHORISED"
    assert not Signal.objects.exists()


@probe
def a_freeze_holds_up_what_is_queued(s: Stand) -> None:
    plan = s.quorum(s.plan())
    with s.role("dispatch"):
        dispatch.claim_authorised(at=AT, wall_at=AT)
    freeze(s)
    with s.role("dispatch"):
        dispatch.run_once(at=AT, wall_at=AT)
    assert Plan.objects.get(pk=plan.pk).status == "DISPATCHING"
    assert Signal.objects.get().status == "QUEUED"
