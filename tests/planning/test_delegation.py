"""Lending the right to vote: for a time, up to so many MW, to somebody who votes themselves, and never further on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.models import Cohort
from planning.models import Delegation, DelegationEnd, Plan, PlanRefusal, Vote
from planning.operations import (
    DelegationInvalid,
    DelegationOver,
    DelegationRefused,
    DelegationUnknown,
    Loan,
    NotLent,
    OwnPlan,
    PermissionNeeded,
    ReasonMissing,
    VoteRefused,
    approve_plan,
    delegate_vote,
    end_delegation,
    reject_plan,
)
from portal.models import User
from tests import factories
from tests.keys import Keyring, password_of
from tests.planning.ballots import approve, brought
from tests.planning.builders import AT, hash_of, pending_plan, person, refused
from tests.planning.sql import INSERT_VOTE, AsRole, assert_refused, forge, value_of

HOUR = timedelta(hours=1)
Make = Callable[[str], Plan]


@pytest.fixture
def make(operator: User, pearland: Cohort) -> Make:
    """A plan of so many MW, in a drill that stands at AT."""

    def made(largest_mw: str) -> Plan:
        plan = pending_plan(operator, pearland, largest_mw=largest_mw)
        factories.drill(at=AT)
        plan.refresh_from_db()
        return plan

    return made


def lend(by: User, to: User, **changes: Any) -> Delegation:
    usual = {"starts_at": AT - HOUR, "ends_at": AT + HOUR, "max_mw": Decimal(100), "reason": "on leave"}
    return delegate_vote(loan=Loan(delegate_id=to.pk, **usual | changes), by=by, at=AT, password=password_of(by))


def tally(plan: Plan) -> tuple[int, int]:
    version = plan.current_version_id
    return (
        value_of("SELECT approvals FROM planning_tally(%s)", version),
        value_of("SELECT supervisors FROM planning_tally(%s)", version),
    )


class TestAVoteForSomebody:
    def test_counts_as_theirs_and_both_are_kept(
        self, make: Make, omar: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        """An operator votes with a supervisor's right, and with a password of their own."""
        plan = make("20")
        lend(sybil, omar)
        with as_role("web"):
            assert approve(plan, omar, keys, on_behalf_of=sybil.pk).status == "AUTHORISED"
        vote = Vote.objects.get()
        assert (vote.voter, vote.on_behalf_of, vote.step_up) == (omar, sybil, "PASSWORD")
        assert tally(plan) == (1, 1)
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None

    def test_in_ones_own_name_the_lent_right_is_not_used(
        self, make: Make, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = make("20")
        lend(sybil, omar)
        with refused(VoteRefused, plan, omar, "approve") as caught:
            approve(plan, omar, keys)
        assert caught.value.why == "the vote that is missing is a supervisor's"

    def test_fills_the_supervisors_seat_of_two(
        self, make: Make, omar: User, oda: User, sybil: User, keys: Keyring
    ) -> None:
        plan = make("60.001")
        lend(sybil, omar)
        assert approve(plan, oda, keys).status == "PARTIAL"
        assert approve(plan, omar, keys, on_behalf_of=sybil.pk).status == "AUTHORISED"
        assert tally(plan) == (2, 1)

    def test_without_a_delegation(self, make: Make, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        plan = make("15")
        with as_role("web"), refused(VoteRefused, plan, omar, "approve") as caught:
            approve(plan, omar, keys, on_behalf_of=sybil.pk)
        assert caught.value.why == "no delegation covers this vote"

    def test_for_nobody(self, make: Make, omar: User, sybil: User, keys: Keyring) -> None:
        plan = make("15")
        with refused(NotLent, plan, omar, "approve"):
            approve(plan, omar, keys, on_behalf_of=sybil.pk + 1000)

    def test_for_oneself(self, make: Make, omar: User, as_role: AsRole) -> None:
        plan = make("15")
        with as_role("web"):
            assert_refused(
                "no delegation covers|vote_on_behalf_of_somebody_else",
                INSERT_VOTE,
                forge(plan, omar, on_behalf_of=omar.pk),
            )

    def test_a_rejection_is_given_in_ones_own_name(self, make: Make, omar: User, sybil: User, as_role: AsRole) -> None:
        plan = make("15")
        lend(sybil, omar)
        forged = forge(plan, omar, decision="REJECT", reason="no", on_behalf_of=sybil.pk)
        with as_role("web"):
            assert_refused("a rejection is given in one's own name", INSERT_VOTE, forged)


class TestLimits:
    @pytest.mark.parametrize(
        ("later", "good"),
        [
            (-HOUR - timedelta(microseconds=1), False),
            (-HOUR, True),
            (timedelta(), True),
            (HOUR - timedelta(microseconds=1), True),
            (HOUR, False),
        ],
    )
    def test_for_a_time(
        self, later: timedelta, good: bool, make: Make, omar: User, sybil: User, as_role: AsRole
    ) -> None:
        """From its start until just before its end, as the vote's own instant says."""
        plan = make("15")
        lend(sybil, omar)
        forged = forge(plan, omar, on_behalf_of=sybil.pk, at=AT + later)
        with as_role("web"):
            if good:
                value_of(INSERT_VOTE + " RETURNING 1", *forged)
            else:
                assert_refused("no delegation covers this vote", INSERT_VOTE, forged)

    @pytest.mark.parametrize(("max_mw", "good"), [("19.999", False), ("20", True), ("20.001", True)])
    def test_up_to_so_many_mw(
        self, max_mw: str, good: bool, make: Make, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = make("20")
        lend(sybil, omar, max_mw=Decimal(max_mw))
        if good:
            assert approve(plan, omar, keys, on_behalf_of=sybil.pk).status == "AUTHORISED"
        else:
            with refused(VoteRefused, plan, omar, "approve"):
                approve(plan, omar, keys, on_behalf_of=sybil.pk)

    def test_the_cap_in_postgresqls_words(self, make: Make, omar: User, sybil: User, as_role: AsRole) -> None:
        plan = make("15")
        lend(sybil, omar, max_mw=Decimal("14.999"))
        with as_role("web"):
            assert_refused("no delegation covers this vote", INSERT_VOTE, forge(plan, omar, on_behalf_of=sybil.pk))

    def test_not_further_on(self, make: Make, omar: User, oda: User, sybil: User, keys: Keyring) -> None:
        """sybil lends to omar, omar to oda: oda may vote for omar with omar's own right, and never for sybil."""
        lend(sybil, omar)
        lend(omar, oda)
        large = make("20")
        for lender in (sybil, omar):
            with refused(VoteRefused, large, oda, "approve"):
                approve(large, oda, keys, on_behalf_of=lender.pk)
        small = make("15")
        with refused(VoteRefused, small, oda, "approve") as caught:
            approve(small, oda, keys, on_behalf_of=sybil.pk)
        assert caught.value.why == "no delegation covers this vote"
        assert approve(small, oda, keys, on_behalf_of=omar.pk).status == "AUTHORISED"

    def test_taken_back(self, make: Make, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        plan = make("15")
        end_delegation(delegation_id=lend(sybil, omar).pk, by=sybil, at=AT)
        with as_role("web"), refused(VoteRefused, plan, omar, "approve"):
            approve(plan, omar, keys, on_behalf_of=sybil.pk)

    def test_taken_back_before_sending_the_vote_no_longer_counts(
        self, make: Make, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = make("20")
        loan = lend(sybil, omar)
        approve(plan, omar, keys, on_behalf_of=sybil.pk)
        end_delegation(delegation_id=loan.pk, by=sybil, at=AT)
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == "0 of 1 votes"

    @pytest.mark.parametrize("happened", ["left", "operator", "administers"])
    def test_the_lenders_right_is_asked_again_at_sending(
        self, happened: str, make: Make, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = make("20")
        lend(sybil, omar)
        approve(plan, omar, keys, on_behalf_of=sybil.pk)
        if happened == "left":
            User.objects.filter(pk=sybil.pk).update(is_active=False)
        else:
            sybil.groups.set(person("example", *_roles(happened)).groups.all())
        says = "0 of 1 votes of a supervisor" if happened == "operator" else "0 of 1 votes"
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == says


def _roles(happened: str) -> list[str]:
    return ["operator"] if happened == "operator" else ["supervisor", "admin"]


class TestOneHumanOneVote:
    @pytest.fixture
    def plan(self, make: Make, sybil: User, omar: User) -> Plan:
        """Needs two; sybil has lent her right to omar."""
        lend(sybil, omar)
        return make("60.001")

    def test_a_then_b_for_a(self, plan: Plan, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        approve(plan, sybil, keys)
        ballot = brought(plan, omar, keys, on_behalf_of=sybil.pk)
        with as_role("web"), refused(VoteRefused, plan, omar, "approve") as caught:
            approve_plan(**ballot)
        assert caught.value.why == "one human has one vote, given or lent"
        assert tally(plan) == (1, 1)

    def test_b_for_a_then_a(self, plan: Plan, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        approve(plan, omar, keys, on_behalf_of=sybil.pk)
        ballot = brought(plan, sybil, keys)
        with as_role("web"), refused(VoteRefused, plan, sybil, "approve") as caught:
            approve_plan(**ballot)
        assert caught.value.why == "one human has one vote, given or lent"

    def test_b_and_c_for_a(
        self, plan: Plan, omar: User, oda: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        lend(sybil, oda)
        approve(plan, omar, keys, on_behalf_of=sybil.pk)
        ballot = brought(plan, oda, keys, on_behalf_of=sybil.pk)
        with as_role("web"), refused(VoteRefused, plan, oda, "approve") as caught:
            approve_plan(**ballot)
        assert caught.value.why == "one human has one vote, given or lent"

    def test_b_for_a_and_b_for_b(self, plan: Plan, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        approve(plan, omar, keys, on_behalf_of=sybil.pk)
        with as_role("web"):
            assert_refused("passkey|vote_once_per_person", INSERT_VOTE, forge(plan, omar))


class TestFourEyes:
    def test_who_lent_the_requester_their_right_cannot_vote(
        self, make: Make, operator: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        lend(sybil, operator)
        plan = make("15")
        with as_role("web"), refused(VoteRefused, plan, sybil, "approve") as caught:
            approve(plan, sybil, keys)
        assert caught.value.why == "whoever asked for it, or for a change of it, had this person's vote lent to them"
        with as_role("web"), refused(VoteRefused, plan, sybil, "reject"):
            reject_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=sybil, at=AT, reason="no")

    def test_nor_can_somebody_else_for_them(
        self, make: Make, operator: User, omar: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        lend(sybil, operator)
        lend(sybil, omar)
        plan = make("15")
        with as_role("web"), refused(VoteRefused, plan, omar, "approve") as caught:
            approve(plan, omar, keys, on_behalf_of=sybil.pk)
        assert caught.value.why == "whoever lent the right asked for this plan or for a change of it"

    @pytest.mark.parametrize(
        "span",
        [
            {"starts_at": AT - 2 * HOUR, "ends_at": AT},
            {"starts_at": AT + timedelta(microseconds=1), "ends_at": AT + HOUR},
        ],
    )
    def test_at_another_time_it_is_no_part(
        self, span: dict[str, Any], make: Make, operator: User, sybil: User, keys: Keyring
    ) -> None:
        Delegation.objects.create(delegator=sybil, delegate=operator, max_mw=Decimal(50), reason="on leave", **span)
        assert approve(make("15"), sybil, keys).status == "AUTHORISED"

    def test_taken_back_before_the_request_it_is_no_part(
        self, make: Make, operator: User, sybil: User, keys: Keyring
    ) -> None:
        loan = lend(sybil, operator)
        end_delegation(delegation_id=loan.pk, by=sybil, at=AT - timedelta(microseconds=1))
        assert approve(make("15"), sybil, keys).status == "AUTHORISED"

    def test_the_requester_does_not_vote_for_another(
        self, make: Make, operator: User, sybil: User, as_role: AsRole
    ) -> None:
        plan = make("15")
        lend(sybil, operator, starts_at=AT + timedelta(minutes=1))
        at = AT + timedelta(minutes=2)
        named = {"plan_id": plan.pk, "content_hash": hash_of(plan)}
        with as_role("web"), refused(OwnPlan, plan, operator, "approve"):
            approve_plan(**named, by=operator, at=at, on_behalf_of=sybil.pk)
        with as_role("web"):
            forged = forge(plan, operator, on_behalf_of=sybil.pk, at=at)
            assert_refused("whoever asked for a plan", INSERT_VOTE, forged)


class TestLending:
    def test_is_kept(self, omar: User, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            made = lend(sybil, omar, max_mw=Decimal("12.5"), reason="  on leave ")
        kept = Delegation.objects.get()
        assert kept == made
        assert (kept.delegator, kept.delegate, kept.reason) == (sybil, omar, "on leave")
        assert (kept.starts_at, kept.ends_at, kept.max_mw) == (AT - HOUR, AT + HOUR, Decimal("12.5"))
        assert not PlanRefusal.objects.exists()

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
    def test_only_who_has_the_right_lends_it(self, roles: list[str], omar: User, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"), refused(PermissionNeeded, None, by, "delegate"):
            lend(by, omar)

    def test_not_who_administers_as_well(self, omar: User, as_role: AsRole) -> None:
        by = person("petra", "supervisor", "admin")
        with as_role("web"), refused(DelegationRefused, None, by, "delegate"):
            lend(by, omar)

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"], ["operator", "auditor"]])
    def test_not_to_one_without_a_vote_of_their_own(self, roles: list[str], sybil: User, as_role: AsRole) -> None:
        to = person("petra", *roles)
        with as_role("web"), refused(DelegationRefused, None, sybil, "delegate"):
            lend(sybil, to)

    def test_not_to_a_superuser(self, sybil: User, as_role: AsRole) -> None:
        to = person("root", "operator", is_superuser=True)
        with as_role("web"), refused(DelegationRefused, None, sybil, "delegate"):
            lend(sybil, to)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"ends_at": AT - HOUR}, "ends_at"),
            ({"starts_at": AT - 2 * HOUR, "ends_at": AT - HOUR}, "ends_at"),
            ({"starts_at": AT - HOUR, "ends_at": AT}, "ends_at"),
            ({"starts_at": AT, "ends_at": AT + timedelta(days=31, seconds=1)}, "ends_at"),
            ({"max_mw": Decimal(0)}, "max_mw"),
            ({"max_mw": Decimal(-1)}, "max_mw"),
            ({"max_mw": Decimal("NaN")}, "max_mw"),
            ({"max_mw": Decimal("Infinity")}, "max_mw"),
        ],
    )
    def test_what_cannot_be(
        self, changes: dict[str, Any], field: str, omar: User, sybil: User, as_role: AsRole
    ) -> None:
        with as_role("web"), refused(DelegationInvalid, None, sybil, "delegate") as caught:
            lend(sybil, omar, **changes)
        assert caught.value.field == field

    def test_31_days_are_the_most(self, omar: User, sybil: User) -> None:
        assert lend(sybil, omar, starts_at=AT, ends_at=AT + timedelta(days=31)).pk

    @pytest.mark.parametrize("reason", ["", " \n"])
    def test_without_a_reason(self, reason: str, omar: User, sybil: User, as_role: AsRole) -> None:
        with as_role("web"), refused(ReasonMissing, None, sybil, "delegate"):
            lend(sybil, omar, reason=reason)

    def test_to_oneself(self, sybil: User, as_role: AsRole) -> None:
        with as_role("web"), refused(DelegationInvalid, None, sybil, "delegate") as caught:
            lend(sybil, sybil)
        assert caught.value.field == "delegate"

    def test_to_who_is_not_there(self, sybil: User, as_role: AsRole) -> None:
        gone = person("gina", "operator", is_active=False)
        with as_role("web"), refused(DelegationInvalid, None, sybil, "delegate") as caught:
            lend(sybil, gone)
        assert str(caught.value) == "There is no such person."


class TestEnding:
    @pytest.mark.parametrize("who", ["sybil", "omar"])
    def test_either_of_the_two(self, who: str, omar: User, sybil: User, as_role: AsRole) -> None:
        loan = lend(sybil, omar)
        by = {"sybil": sybil, "omar": omar}[who]
        with as_role("web"):
            end_delegation(delegation_id=loan.pk, by=by, at=AT)
        kept = DelegationEnd.objects.get()
        assert (kept.delegation, kept.by, kept.at) == (loan, by, AT)

    def test_nobody_else(self, omar: User, oda: User, sybil: User, as_role: AsRole) -> None:
        loan = lend(sybil, omar)
        with as_role("web"), refused(DelegationUnknown, None, oda, "end delegation"):
            end_delegation(delegation_id=loan.pk, by=oda, at=AT)

    def test_once(self, omar: User, sybil: User, as_role: AsRole) -> None:
        loan = lend(sybil, omar)
        with as_role("web"):
            end_delegation(delegation_id=loan.pk, by=sybil, at=AT)
            with refused(DelegationOver, None, omar, "end delegation"):
                end_delegation(delegation_id=loan.pk, by=omar, at=AT)

    def test_one_that_does_not_exist(self, omar: User, as_role: AsRole) -> None:
        with as_role("web"), refused(DelegationUnknown, None, omar, "end delegation"):
            end_delegation(delegation_id=1_000_000, by=omar, at=AT)
