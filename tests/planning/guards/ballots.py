"""Probes of votes written past the operation: who, and on what."""

from __future__ import annotations

from decimal import Decimal

from planning import operations as ops
from planning.models import Estimate, PlanVersion
from tests.planning import builders
from tests.planning.builders import AT
from tests.planning.guards.stand import Stand, denied, later, probe, sql


@probe
def row_with_a_wrong_hash(s: Stand) -> None:
    with denied("the hash is not the one of this version"):
        s.vote(s.plan(), "omar", content_hash="0" * 64)


@probe
def rows_of_who_administers(s: Stand) -> None:
    for who in ("both", "root", "audits"):
        with denied("takes no part in decisions"):
            s.vote(s.plan(), who)


@probe
def row_of_a_superuser(s: Stand) -> None:
    with denied("takes no part in decisions"):
        s.vote(s.plan(), "root")


@probe
def row_of_an_admin(s: Stand) -> None:
    with denied("takes no part in decisions"):
        s.vote(s.plan(), "both")


@probe
def row_of_an_auditor(s: Stand) -> None:
    with denied("takes no part in decisions"):
        s.vote(s.plan(), "audits")


@probe
def row_of_the_requester(s: Stand) -> None:
    with denied("whoever asked for a plan"):
        s.vote(s.plan(), "olivia")


@probe
def row_of_an_editor(s: Stand) -> None:
    with denied("whoever asked for a plan"):
        s.vote(s.edited("sue"), "sue", step_up="PASSKEY", reason="x")


@probe
def row_of_who_lent_the_requester_their_vote(s: Stand) -> None:
    s.lend("sam", "olivia")
    with denied("had this person's vote lent"):
        s.vote(s.plan(), "sam")


@probe
def row_of_nobody(s: Stand) -> None:
    with denied("may not approve plans"):
        s.vote(s.plan(), "nobody")


@probe
def row_of_an_inactive_person(s: Stand) -> None:
    with denied("may not approve plans"):
        s.vote(s.plan(), "gina")


@probe
def rejection_of_nobody(s: Stand) -> None:
    with denied("may not reject plans"):
        s.vote(s.plan(), "nobody", decision="REJECT", reason="x")


@probe
def rejection_in_somebody_elses_name(s: Stand) -> None:
    with denied("in one's own name"):
        s.vote(s.plan(), "omar", decision="REJECT", reason="x", on_behalf_of=s.people["sam"])


@probe
def rejection_without_a_reason(s: Stand) -> None:
    with denied("vote_reject_gives_a_reason"):
        s.vote(s.plan(), "omar", decision="REJECT")


@probe
def a_decision_there_is_not(s: Stand) -> None:
    with denied("vote_decision_is_known"):
        s.vote(s.plan(), "omar", decision="ABSTAIN")


@probe
def version_that_does_not_exist(s: Stand) -> None:
    s.plan()
    assert sql("SELECT planning_vote_objection(%s, 0, 'APPROVE')", s.people["omar"].pk) == [
        ("there is no such version",)
    ]
    assert sql("SELECT planning_send_objection(0)") == [("there is no such version",)]


@probe
def row_under_a_policy_there_is_not(s: Stand) -> None:
    plan = s.plan()
    text = plan.current_version.content.replace('"policy_version":1', '"policy_version":99')
    sql("ALTER TABLE planning_planversion DISABLE TRIGGER version_names_the_policy")
    request = plan.requests.create(number=2, by=None, at=AT, strategy="balanced")
    version = PlanVersion.objects.create(
        plan=plan,
        number=2,
        request=request,
        content=text,
        content_hash=builders.sha256(text.encode()),
        window_start=builders.START,
        window_end=builders.END,
        proposed_at=AT,
    )
    with denied("no rule of the approval policy covers it"):
        s.vote(plan, "omar", version=version, content_hash=version.content_hash)


@probe
def lent_by_who_asked_for_it(s: Stand) -> None:
    s.lend("olivia", "omar", most_mw=100)
    with denied("whoever lent the right asked"):
        s.vote(s.plan(), "omar", on_behalf_of=s.people["olivia"])


@probe
def lent_by_who_has_left(s: Stand) -> None:
    s.lend("sam", "omar")
    type(s.people["sam"]).objects.filter(username="sam").update(is_active=False)
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def lent_by_an_admin(s: Stand) -> None:
    s.lend("sam", "omar")
    s.people["sam"].groups.add(s.people["adam"].groups.get())
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def lent_to_somebody_else(s: Stand) -> None:
    s.lend("sam", "oscar")
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def lent_by_somebody_else(s: Stand) -> None:
    s.lend("sue", "omar")
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def lent_for_fewer_mw(s: Stand) -> None:
    s.lend("sam", "omar", most_mw=29)
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def lent_for_an_earlier_time(s: Stand) -> None:
    s.lend("sam", "omar", until=later(10))
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD", at=later(10))


@probe
def lent_for_a_later_time(s: Stand) -> None:
    s.lend("sam", "omar")
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD", at=later(-1))


@probe
def lent_and_taken_back(s: Stand) -> None:
    loan = s.lend("sam", "omar")
    ops.end_delegation(delegation_id=loan.pk, by=s.who("sam"), at=AT)
    with denied("no delegation covers this vote"):
        s.vote(s.plan("30.000"), "omar", on_behalf_of=s.people["sam"], step_up="PASSWORD")


@probe
def in_ones_own_name_as_if_for_another(s: Stand) -> None:
    with denied("vote_on_behalf_of_somebody_else"):
        sql("ALTER TABLE planning_vote DISABLE TRIGGER vote_is_entitled")
        s.vote(s.plan(), "omar", on_behalf_of=s.people["omar"])


@probe
def row_without_the_password(s: Stand) -> None:
    with denied("it needs the person's password"):
        s.vote(s.plan("30.000"), "sam")


@probe
def row_without_the_passkey(s: Stand) -> None:
    with denied("it needs the person's passkey"):
        s.vote(s.edited(), "sam", step_up="PASSWORD", reason="x")


@probe
def row_without_a_reason(s: Stand) -> None:
    with denied("a reason is needed"):
        s.vote(s.edited(), "sam", step_up="PASSKEY")


@probe
def row_without_an_estimate(s: Stand) -> None:
    with denied("an own estimate has to be given first"):
        s.vote(s.plan("90.000"), "sam", step_up="PASSKEY", reason="x")


@probe
def row_with_somebody_elses_estimate(s: Stand) -> None:
    plan = s.plan("90.000")
    Estimate.objects.create(version=plan.current_version, by=s.people["sue"], mw=Decimal(1), at=AT)
    with denied("an own estimate has to be given first"):
        s.vote(plan, "sam", step_up="PASSKEY", reason="x")


@probe
def row_with_an_estimate_of_another_version(s: Stand) -> None:
    plan = s.plan("90.000")
    Estimate.objects.create(version=s.plan("90.000").current_version, by=s.people["sam"], mw=Decimal(1), at=AT)
    with denied("an own estimate has to be given first"):
        s.vote(plan, "sam", step_up="PASSKEY", reason="x")


@probe
def row_while_frozen(s: Stand) -> None:
    ops.freeze(by=s.who("omar"), at=AT, reason="storm")
    with denied("approvals are frozen: storm"):
        s.vote(s.plan(), "omar")


@probe
def row_with_a_blocker_open(s: Stand) -> None:
    plan = s.plan()
    ops.add_comment(**s.content(plan, "oscar"), text="no", blocker=True)
    with denied("marked as blocker is not resolved"):
        s.vote(plan, "omar")


@probe
def row_of_the_lender_too(s: Stand) -> None:
    s.lend("sam", "omar")
    plan = s.edited()
    s.vote(plan, "omar", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")
    with denied("one human has one vote"):
        s.vote(plan, "sam", step_up="PASSKEY", reason="x")


@probe
def row_for_somebody_who_voted(s: Stand) -> None:
    s.lend("sam", "omar")
    plan = s.edited()
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    with denied("one human has one vote"):
        s.vote(plan, "omar", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")


@probe
def rows_of_two_for_one_lender(s: Stand) -> None:
    for to in ("omar", "sue"):
        s.lend("sam", to)
    plan = s.edited()
    s.vote(plan, "omar", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")
    with denied("one human has one vote"):
        s.vote(plan, "sue", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")
    sql("ALTER TABLE planning_vote DISABLE TRIGGER vote_is_entitled")
    with denied("vote_once_on_behalf_of_a_person_and_version"):
        s.vote(plan, "sue", on_behalf_of=s.people["sam"], step_up="PASSKEY", reason="x")


@probe
def row_of_the_same_person_twice(s: Stand) -> None:
    plan = s.edited()
    s.vote(plan, "sam", step_up="PASSKEY", reason="x")
    with denied("vote_once_per_person_and_version"):
        s.vote(plan, "sam", step_up="PASSKEY", reason="x")


@probe
def row_when_all_votes_are_given(s: Stand) -> None:
    plan = s.plan()
    s.vote(plan, "omar")
    with denied("all the votes it needs are given"):
        s.vote(plan, "oscar")


@probe
def row_for_a_seat_kept_for_a_supervisor(s: Stand) -> None:
    with denied("is a supervisor's"):
        s.vote(s.plan("30.000"), "omar", step_up="PASSWORD")
