"""The tiers of the default policy end to end: who has to agree, how sure of the person, with or without words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from cohorts.models import Cohort
from grid.core.refusals import Refusal
from planning.core.drift import Basis
from planning.core.policy import Needs, StepUp
from planning.core.strategy import Strategy
from planning.models import Plan, PlanRequest, Transition, Vote
from planning.operations import (
    DriftedTooFar,
    DriftNeedsReason,
    EstimateMissing,
    OwnPlan,
    PasswordWrong,
    PermissionNeeded,
    ReasonMissing,
    StepUpNeeded,
    VoteRefused,
    approve_plan,
)
from planning.queries import vote_counts
from portal.models import User
from tests.keys import Keyring
from tests.planning.ballots import approve, brought
from tests.planning.builders import AT, NOTHING_KNOWN, Wanted, add_version, pending_plan, person, refused
from tests.planning.sql import AsRole, assert_refused, value_of

Make = Callable[[str], Plan]
SMALL = ("19.999",)
MIDDLE = ("20", "60")
LARGE = ("60.001", "edited", "emergency")
TIERS = (*SMALL, *MIDDLE, *LARGE)
WITH_ESTIMATE = ("60.001", "emergency")


@pytest.fixture
def plan_in(operator: User, pearland: Cohort) -> Make:
    """A plan of a tier: of so many MW, or of 10 MW and edited by its requester, or of 10 MW and an emergency's."""

    def make(tier: str) -> Plan:
        if tier not in {"edited", "emergency"}:
            return pending_plan(operator, pearland, largest_mw=tier)
        strategy = Strategy.EMERGENCY if tier == "emergency" else Strategy.BALANCED
        plan = pending_plan(operator, pearland, largest_mw="10", strategy=strategy)
        if tier == "edited":
            asked = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
            add_version(plan, asked, pearland, Wanted(largest_mw="10"))
        return plan

    return make


def without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


class TestWhatIsNeeded:
    @pytest.mark.parametrize(
        ("tier", "needs"),
        [
            ("0", Needs()),
            ("19.999", Needs()),
            ("20", Needs(1, 1, StepUp.PASSWORD)),
            ("60", Needs(1, 1, StepUp.PASSWORD)),
            ("60.001", Needs(2, 1, StepUp.PASSKEY, reason=True, estimate=True)),
            ("edited", Needs(2, 1, StepUp.PASSKEY, reason=True)),
            ("emergency", Needs(2, 1, StepUp.PASSKEY, reason=True, estimate=True)),
        ],
    )
    def test_as_people_are_told(self, tier: str, needs: Needs, plan_in: Make) -> None:
        version = plan_in(tier).current_version_id
        assert version
        count = vote_counts([version])[version]
        assert (count.needs, count.approvals, count.supervisors, count.required) == (needs, 0, 0, needs.approvals)


class TestOneOperator:
    @pytest.mark.parametrize("tier", SMALL)
    def test_with_nothing_but_being_signed_in(self, tier: str, plan_in: Make, omar: User, as_role: AsRole) -> None:
        plan = plan_in(tier)
        with as_role("web"):
            assert approve_plan(**brought(plan, omar, Keyring())).status == "AUTHORISED"
        vote = Vote.objects.get()
        assert (vote.voter, vote.step_up, vote.reason, vote.on_behalf_of) == (omar, "NONE", "", None)
        assert vote.drift["level"] == "ok"

    @pytest.mark.parametrize("tier", SMALL)
    def test_or_a_supervisor(self, tier: str, plan_in: Make, sybil: User, keys: Keyring) -> None:
        assert approve(plan_in(tier), sybil, keys).status == "AUTHORISED"

    def test_a_stronger_proof_is_kept(self, plan_in: Make, omar: User, keys: Keyring) -> None:
        plan = plan_in("19.999")
        approve(plan, omar, keys, signed=keys.sign(omar, plan, plan.current_version.content_hash))  # type: ignore[union-attr]
        assert Vote.objects.get().step_up == "PASSKEY"


class TestOneSupervisor:
    @pytest.mark.parametrize("tier", MIDDLE)
    def test_with_the_password(self, tier: str, plan_in: Make, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        plan = plan_in(tier)
        with as_role("web"):
            assert approve(plan, sybil, keys).status == "AUTHORISED"
        vote = Vote.objects.get()
        assert (vote.voter, vote.step_up, vote.reason) == (sybil, "PASSWORD", "")

    @pytest.mark.parametrize("tier", MIDDLE)
    def test_or_the_passkey(self, tier: str, plan_in: Make, sybil: User, keys: Keyring) -> None:
        plan = plan_in(tier)
        signed = keys.sign(sybil, plan, plan.current_version.content_hash)  # type: ignore[union-attr]
        assert approve(plan, sybil, keys, password=None, signed=signed).status == "AUTHORISED"
        assert Vote.objects.get().step_up == "PASSKEY"

    @pytest.mark.parametrize("tier", MIDDLE)
    def test_not_an_operator(self, tier: str, plan_in: Make, omar: User, keys: Keyring, as_role: AsRole) -> None:
        plan = plan_in(tier)
        with as_role("web"), refused(VoteRefused, plan, omar, "approve") as caught:
            approve(plan, omar, keys)
        assert str(caught.value) == "The vote was refused: the vote that is missing is a supervisor's."

    @pytest.mark.parametrize("tier", MIDDLE)
    def test_not_without_the_password(self, tier: str, plan_in: Make, sybil: User, keys: Keyring) -> None:
        plan = plan_in(tier)
        with refused(StepUpNeeded, plan, sybil, "approve") as caught:
            approve(plan, sybil, keys, password=None)
        assert str(caught.value) == "This plan needs your password together with the vote."
        assert caught.value.field == "password"

    @pytest.mark.parametrize("tier", MIDDLE)
    @pytest.mark.parametrize("password", ["", "omar", "Sybil"])
    def test_not_with_a_wrong_one(self, password: str, tier: str, plan_in: Make, sybil: User, keys: Keyring) -> None:
        plan = plan_in(tier)
        with refused(PasswordWrong, plan, sybil, "approve"):
            approve(plan, sybil, keys, password=password)


class TestTwoPeople:
    @pytest.mark.parametrize("tier", LARGE)
    def test_an_operator_then_a_supervisor(
        self, tier: str, plan_in: Make, omar: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        plan = plan_in(tier)
        with as_role("web"):
            assert approve(plan, omar, keys).status == "PARTIAL"
            assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == "1 of 2 votes"
            assert approve(plan, sybil, keys).status == "AUTHORISED"
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None
        told = Vote.objects.order_by("pk").values_list("voter", "step_up", "reason", "assertion__passkey__user")
        assert list(told) == [(by.pk, "PASSKEY", "the evening is tight", by.pk) for by in (omar, sybil)]
        moves = list(Transition.objects.order_by("pk").values_list("to_status", "by"))[-2:]
        assert moves == [("PARTIAL", omar.pk), ("AUTHORISED", sybil.pk)]

    @pytest.mark.parametrize("tier", LARGE)
    def test_a_supervisor_then_an_operator(
        self, tier: str, plan_in: Make, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = plan_in(tier)
        assert [approve(plan, by, keys).status for by in (sybil, omar)] == ["PARTIAL", "AUTHORISED"]

    @pytest.mark.parametrize("tier", LARGE)
    def test_two_supervisors(self, tier: str, plan_in: Make, sybil: User, sven: User, keys: Keyring) -> None:
        plan = plan_in(tier)
        assert [approve(plan, by, keys).status for by in (sybil, sven)] == ["PARTIAL", "AUTHORISED"]

    @pytest.mark.parametrize("tier", LARGE)
    def test_not_two_operators(
        self, tier: str, plan_in: Make, omar: User, oda: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        """The seat that is left is a supervisor's; their vote is still good for it afterwards."""
        plan = plan_in(tier)
        approve(plan, omar, keys)
        ballot = brought(plan, oda, keys)
        with as_role("web"), refused(VoteRefused, plan, oda, "approve") as caught:
            approve_plan(**ballot)
        assert caught.value.why == "the vote that is missing is a supervisor's"
        assert approve(plan, sybil, keys).status == "AUTHORISED"

    @pytest.mark.parametrize("tier", LARGE)
    def test_not_the_same_one_twice(self, tier: str, plan_in: Make, sybil: User, keys: Keyring) -> None:
        plan = plan_in(tier)
        approve(plan, sybil, keys)
        ballot = brought(plan, sybil, keys)
        with pytest.raises(Refusal, match=r"You have already voted on this version\."):
            approve_plan(**ballot)
        assert Vote.objects.count() == 1

    @pytest.mark.parametrize("tier", LARGE)
    @pytest.mark.parametrize("instead", [{}, {"password": "sybil"}])
    def test_not_without_the_passkey(
        self, instead: dict[str, Any], tier: str, plan_in: Make, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        plan = plan_in(tier)
        ballot = without(brought(plan, sybil, keys), "signed") | instead
        with as_role("web"), refused(StepUpNeeded, plan, sybil, "approve") as caught:
            approve_plan(**ballot)
        assert str(caught.value) == (
            "This plan needs your passkey (ask for a challenge and sign it) together with the vote."
        )
        assert caught.value.field == "assertion"

    @pytest.mark.parametrize("tier", LARGE)
    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_not_without_a_reason(
        self, reason: str, tier: str, plan_in: Make, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        plan = plan_in(tier)
        ballot = brought(plan, sybil, keys, reason=reason)
        with as_role("web"), refused(ReasonMissing, plan, sybil, "approve"):
            approve_plan(**ballot)

    @pytest.mark.parametrize("tier", WITH_ESTIMATE)
    def test_not_before_the_own_estimate(
        self, tier: str, plan_in: Make, sybil: User, omar: User, keys: Keyring
    ) -> None:
        """Somebody else's is not one's own."""
        plan = plan_in(tier)
        approve(plan, omar, keys)
        signed = keys.sign(sybil, plan, plan.current_version.content_hash)  # type: ignore[union-attr]
        named = {"plan_id": plan.pk, "content_hash": plan.current_version.content_hash}  # type: ignore[union-attr]
        with refused(EstimateMissing, plan, sybil, "approve"):
            approve_plan(**named, by=sybil, at=AT, reason="tight", signed=signed)
        assert approve(plan, sybil, keys).status == "AUTHORISED"

    def test_an_edited_one_needs_no_estimate(self, plan_in: Make, sybil: User, keys: Keyring) -> None:
        plan = plan_in("edited")
        approve(plan, sybil, keys)
        assert not plan.current_version.estimates.exists()  # type: ignore[union-attr]


class TestFourEyes:
    @pytest.mark.parametrize("tier", TIERS)
    def test_not_the_requester(self, tier: str, plan_in: Make, operator: User, as_role: AsRole) -> None:
        plan = plan_in(tier)
        named = {"plan_id": plan.pk, "content_hash": plan.current_version.content_hash}  # type: ignore[union-attr]
        with as_role("web"), refused(OwnPlan, plan, operator, "approve"):
            approve_plan(**named, by=operator, at=AT)

    @pytest.mark.parametrize("number", [2, 3])
    def test_not_who_edited_any_version(
        self, number: int, plan_in: Make, pearland: Cohort, sybil: User, sven: User, keys: Keyring
    ) -> None:
        plan = plan_in("19.999")
        for version, by in ((2, sybil), (3, sven)):
            asked = PlanRequest.objects.create(plan=plan, number=version, by=by, at=AT, strategy="balanced")
            add_version(plan, asked, pearland)
        editor = {2: sybil, 3: sven}[number]
        ballot = brought(plan, editor, keys)
        with refused(OwnPlan, plan, editor, "approve"):
            approve_plan(**ballot)


class TestOthers:
    """Whatever the tier and whatever they bring."""

    @pytest.mark.parametrize("tier", TIERS)
    @pytest.mark.parametrize(
        ("roles", "flags", "kind"),
        [
            ([], {}, PermissionNeeded),
            ([], {"is_superuser": True, "is_staff": True}, PermissionNeeded),
            (["admin"], {"is_staff": True}, PermissionNeeded),
            (["auditor"], {}, PermissionNeeded),
            (["supervisor"], {"is_active": False}, PermissionNeeded),
            (["supervisor"], {"is_superuser": True}, VoteRefused),
            (["supervisor", "admin"], {}, VoteRefused),
            (["supervisor", "auditor"], {}, VoteRefused),
        ],
    )
    def test_may_not(
        self, roles: list[str], flags: dict[str, bool], kind: type[Refusal], tier: str, plan_in: Make, as_role: AsRole
    ) -> None:
        by, plan = person("petra", *roles, password="petra", **flags), plan_in(tier)
        named = {"plan_id": plan.pk, "content_hash": plan.current_version.content_hash}  # type: ignore[union-attr]
        with as_role("web"), refused(kind, plan, by, "approve") as caught:
            approve_plan(**named, by=by, at=AT, reason="tight", password="petra")
        if kind is VoteRefused:
            assert "who administers or audits takes no part in decisions" in str(caught.value)


CLAIM = "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%s, %s, now(), now())"


def role_taken(by: User) -> None:
    by.groups.clear()


def deactivated(by: User) -> None:
    User.objects.filter(pk=by.pk).update(is_active=False)


def made_superuser(by: User) -> None:
    User.objects.filter(pk=by.pk).update(is_superuser=True)


def made_admin(by: User) -> None:
    by.groups.add(*_groups("admin"))


def made_auditor(by: User) -> None:
    by.groups.add(*_groups("auditor"))


def made_operator(by: User) -> None:
    by.groups.set(_groups("operator"))


def _groups(name: str) -> QuerySet[Group]:
    return Group.objects.filter(name=name)


class TestNoLongerEntitled:
    """A vote that was entitled when it was given and no longer is does not count when the plan is to be sent."""

    @pytest.mark.parametrize("happened", [role_taken, deactivated, made_superuser, made_admin, made_auditor])
    @pytest.mark.parametrize("tier", ["19.999", "60", "60.001"])
    def test_is_not_counted_at_sending(
        self,
        tier: str,
        happened: Callable[[User], None],
        plan_in: Make,
        sybil: User,
        sven: User,
        keys: Keyring,
        as_role: AsRole,
    ) -> None:
        plan = plan_in(tier)
        approve(plan, sybil, keys)
        if tier == "60.001":
            approve(plan, sven, keys)
        assert plan.status == "AUTHORISED"
        happened(sybil)
        says = "1 of 2 votes" if tier == "60.001" else "0 of 1 votes"
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == says
        with as_role("dispatch"):
            assert_refused(f"claim refused: {says}", CLAIM, [plan.pk, plan.current_version_id])

    @pytest.mark.parametrize("tier", LARGE)
    def test_a_supervisor_who_is_an_operator_now(
        self, tier: str, plan_in: Make, omar: User, sybil: User, keys: Keyring, as_role: AsRole
    ) -> None:
        plan = plan_in(tier)
        approve(plan, omar, keys)
        approve(plan, sybil, keys)
        made_operator(sybil)
        says = "0 of 1 votes of a supervisor"
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == says
        with as_role("dispatch"):
            assert_refused(f"claim refused: {says}", CLAIM, [plan.pk, plan.current_version_id])

    def test_before_the_quorum_the_seat_is_free_again(
        self, plan_in: Make, omar: User, oda: User, sybil: User, keys: Keyring
    ) -> None:
        plan = plan_in("edited")
        approve(plan, omar, keys)
        role_taken(omar)
        assert approve(plan, oda, keys).status == "PARTIAL"
        assert approve(plan, sybil, keys).status == "AUTHORISED"

    def test_one_who_is_back_counts_again(self, plan_in: Make, omar: User, keys: Keyring) -> None:
        plan = plan_in("19.999")
        approve(plan, omar, keys)
        deactivated(omar)
        User.objects.filter(pk=omar.pk).update(is_active=True)
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None


class TestDrift:
    """The cohort of these tests has no accounts and nothing is forecast: what a plan says it rested on has gone."""

    @pytest.fixture
    def make(self, operator: User, pearland: Cohort) -> Callable[..., Plan]:
        return lambda **basis: pending_plan(operator, pearland, basis=Basis(**_basis() | basis))

    def test_amber_needs_a_reason(self, make: Callable[..., Plan], omar: User, keys: Keyring) -> None:
        plan = make(temp_f=Decimal(100))
        with refused(DriftNeedsReason, plan, omar, "approve") as caught:
            approve(plan, omar, keys)
        assert str(caught.value) == (
            "Something has moved since the proposal (temperature, mean of window and cohorts):"
            " say why you approve it all the same."
        )
        assert approve(plan, omar, keys, reason="seen on the roof").status == "AUTHORISED"
        kept = Vote.objects.get().drift
        assert (kept["level"], kept["items"]["Temperature, mean of window and cohorts"]) == (
            "amber",
            {"then": "100", "now": None, "level": "amber"},
        )

    def test_red_closes_the_approval(self, make: Callable[..., Plan], omar: User, keys: Keyring) -> None:
        plan = make(accounts=100)
        with refused(DriftedTooFar, plan, omar, "approve") as caught:
            approve(plan, omar, keys, reason="all the same")
        assert str(caught.value) == (
            "Too much has moved since the proposal (endpoints that may be called)."
            " Edit the plan, so that it is made anew."
        )


def _basis() -> dict[str, Any]:
    return {name: getattr(NOTHING_KNOWN, name) for name in Basis.__dataclass_fields__}
