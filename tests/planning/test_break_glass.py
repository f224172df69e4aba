"""Break-glass: one supervisor forces a content through, on record; a second person looks at it within a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cohorts.models import Cohort
from dispatch.models import Signal
from dispatch.operations import run_once
from planning.models import BreakGlass, BreakGlassReview, Comment, Plan, PlanRequest, Transition, Vote
from planning.operations import (
    AlreadyReviewed,
    BreakGlassIncomplete,
    BreakGlassRefused,
    BreakGlassUnknown,
    CohortCommitted,
    Emergency,
    NotAwaitingVote,
    PasskeyRefused,
    PermissionNeeded,
    ReviewRefused,
    StaleContent,
    TooLate,
    abort_plan,
    force_plan,
    freeze,
    review_break_glass,
)
from portal.models import User
from tests import factories
from tests.keys import Keyring
from tests.planning.ballots import approve
from tests.planning.builders import (
    APPROVE_BY,
    AT,
    add_version,
    cohort,
    everything,
    hash_of,
    pending_plan,
    person,
    refused,
)
from tests.planning.sql import INSERT_VOTE, AsRole, assert_refused, forge, run, value_of
from tests.policies import put_in_force, rules_text

WHY = Emergency("NOBODY_REACHABLE", " INC-7 ", " the second desk is empty ")
INSERT = """
INSERT INTO planning_breakglass
    (version_id, content_hash, by_id, reason_code, incident, reason, step_up, forced, at, wall_at)
VALUES (%s, %s, %s, %s, 'INC-7', 'why', %s, '[]', now(), now())
"""


def force(plan: Plan, by: User, keys: Keyring | None, **changes: Any) -> Plan:
    usual: dict[str, Any] = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT, "emergency": WHY}
    if "signed" not in changes:
        usual["signed"] = keys.sign(by, plan, hash_of(plan), "BREAK_GLASS") if keys else None
    return force_plan(**usual | changes)


def insert(
    plan: Plan, by: User, *, step_up: str = "PASSKEY", code: str = "SAFETY", content_hash: str = ""
) -> list[Any]:
    return [plan.current_version_id, content_hash or hash_of(plan), by.pk, code, step_up]


def objection(plan: Plan) -> str | None:
    found: str | None = value_of("SELECT planning_send_objection(%s)", plan.current_version_id)
    return found


@pytest.fixture
def of_60(operator: User, pearland: Cohort) -> Plan:
    return pending_plan(operator, pearland, largest_mw="60")


class TestForce:
    def test_authorises_without_a_quorum_and_writes_down_what_was_forced(
        self, of_60: Plan, sybil: User, keys: Keyring, as_web: None
    ) -> None:
        signed = keys.sign(sybil, of_60, hash_of(of_60), "BREAK_GLASS")
        assert force(of_60, sybil, None, signed=signed).status == "AUTHORISED"
        row = BreakGlass.objects.get()
        assert (row.version_id, row.content_hash, row.by) == (of_60.current_version_id, hash_of(of_60), sybil)
        assert (row.reason_code, row.incident, row.reason) == ("NOBODY_REACHABLE", "INC-7", "the second desk is empty")
        assert (row.step_up, row.at) == ("PASSKEY", AT)
        assert row.forced == ["0 of 1 votes", "0 of 1 votes of a supervisor"]
        assert row.review_due_at == row.wall_at + timedelta(hours=24)
        assert bytes(row.assertion.signature) == signed.part("signature")
        assert (row.assertion.vote, row.assertion.challenge.purpose) == (None, "BREAK_GLASS")
        move = Transition.objects.latest("pk")
        assert (move.from_status, move.to_status, move.by) == ("PENDING", "AUTHORISED", sybil)
        assert move.reason == "break-glass, incident INC-7: the second desk is empty"
        assert not Vote.objects.exists()
        assert objection(of_60) is None
        run("SET CONSTRAINTS ALL IMMEDIATE")

    def test_what_had_been_met_is_not_listed(
        self, operator: User, pearland: Cohort, omar: User, sybil: User, keys: Keyring
    ) -> None:
        plan = pending_plan(operator, pearland, required=3)
        approve(plan, omar, keys)
        force(plan, sybil, keys)
        assert BreakGlass.objects.get().forced == ["1 of 3 votes"]

    def test_four_eyes_and_blockers_are_listed(self, pearland: Cohort, omar: User, sybil: User, keys: Keyring) -> None:
        plan = pending_plan(sybil, pearland)
        Comment.objects.create(version_id=plan.current_version_id, by=omar, text="wait", blocker=True, at=AT)
        force(plan, sybil, keys)
        assert BreakGlass.objects.get().forced == [
            "0 of 1 votes",
            "four eyes: forced by who asked for the plan or for a change of it",
            "1 blockers not resolved",
        ]
        assert objection(plan) is None

    def test_the_list_is_postgresqls_own(self, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        """Whatever the SQL says, and the time of the review too."""
        with as_role("web"), transaction.atomic():
            run(INSERT, insert(of_60, sybil))
            row = BreakGlass.objects.get()
            transaction.set_rollback(True)
        assert row.forced == ["0 of 1 votes", "0 of 1 votes of a supervisor"]
        assert row.review_due_at == row.wall_at + timedelta(hours=24)

    def test_is_sent(self, operator: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        plan = factories.plan_of({factories.cohort(): [factories.Called(100, 0, 4)]}, requested_by=operator)
        force(plan, sybil, keys, at=factories.PROPOSED_AT)
        with as_role("dispatch"):
            done = run_once(at=factories.PROPOSED_AT, wall_at=factories.PROPOSED_AT)
        assert (done.claimed, done.sent) == ((plan.pk,), (plan.pk,))
        assert Signal.objects.get().status == "SENT"


class TestCap:
    @pytest.mark.parametrize("largest_mw", ["0", "19.999", "60"])
    def test_up_to_60_mw(self, largest_mw: str, operator: User, pearland: Cohort, sybil: User, keys: Keyring) -> None:
        assert force(pending_plan(operator, pearland, largest_mw=largest_mw), sybil, keys).status == "AUTHORISED"

    def test_not_above(self, operator: User, pearland: Cohort, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        plan = pending_plan(operator, pearland, largest_mw="60.001")
        signed = keys.sign(sybil, plan, hash_of(plan), "BREAK_GLASS")
        with as_role("web"):
            with refused(BreakGlassRefused, plan, sybil, "break-glass") as caught:
                force(plan, sybil, None, signed=signed)
            assert str(caught.value) == "It cannot be forced: no more than 60 MW can be forced."
            assert_refused("no more than 60 MW can be forced", INSERT, insert(plan, sybil))


class TestWho:
    @pytest.mark.parametrize("roles", [[], ["operator"], ["auditor"], ["admin"]])
    def test_only_a_supervisor(self, roles: list[str], of_60: Plan, keys: Keyring, as_role: AsRole) -> None:
        by = person("petra", *roles)
        signed = keys.sign(by, of_60, hash_of(of_60), "BREAK_GLASS")
        with as_role("web"):
            with refused(PermissionNeeded, of_60, by, "break-glass"):
                force(of_60, by, None, signed=signed)
            assert_refused("this person may not force a plan", INSERT, insert(of_60, by))

    @pytest.mark.parametrize("roles", [["supervisor", "admin"], ["supervisor", "auditor"]])
    def test_not_one_who_administers_or_audits(
        self, roles: list[str], of_60: Plan, keys: Keyring, as_role: AsRole
    ) -> None:
        by = person("petra", *roles)
        signed = keys.sign(by, of_60, hash_of(of_60), "BREAK_GLASS")
        with as_role("web"), refused(BreakGlassRefused, of_60, by, "break-glass") as caught:
            force(of_60, by, None, signed=signed)
        assert caught.value.why == "this person may not force a plan"

    @pytest.mark.parametrize("flags", [{"is_active": False}, {"is_superuser": True}])
    def test_not_an_inactive_one_nor_a_superuser(self, flags: dict[str, bool], of_60: Plan, as_role: AsRole) -> None:
        by = person("petra", "supervisor", **flags)
        with as_role("web"):
            assert_refused("this person may not force a plan", INSERT, insert(of_60, by))

    def test_counts_no_longer_once_the_role_is_taken(self, of_60: Plan, sybil: User, keys: Keyring) -> None:
        force(of_60, sybil, keys)
        sybil.groups.clear()
        assert objection(of_60) == "0 of 1 votes"


class TestProof:
    def test_a_passkey_is_needed(self, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            with refused(BreakGlassRefused, of_60, sybil, "break-glass") as caught:
                force(of_60, sybil, None)
            assert str(caught.value) == "It cannot be forced: it needs your passkey."
            for weaker in ("NONE", "PASSWORD", "", "passkey"):
                assert_refused("it needs the person's passkey", INSERT, insert(of_60, sybil, step_up=weaker))

    def test_what_was_signed_for_an_approval_is_none(self, of_60: Plan, sybil: User, keys: Keyring) -> None:
        signed = keys.sign(sybil, of_60, hash_of(of_60), "APPROVE")
        with refused(PasskeyRefused, of_60, sybil, "break-glass"):
            force(of_60, sybil, None, signed=signed)

    def test_without_what_was_signed_it_is_not_committed(self, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            run(INSERT, insert(of_60, sybil))
            with pytest.raises(IntegrityError, match="what the passkey signed is missing"):
                run("SET CONSTRAINTS ALL IMMEDIATE")


class TestReasons:
    @pytest.mark.parametrize(
        ("code", "incident", "reason", "field"),
        [
            ("", "INC-7", "why", "reason_code"),
            ("BOREDOM", "INC-7", "why", "reason_code"),
            ("SAFETY", " ", "why", "incident"),
            ("SAFETY", "INC-7", "\n", "reason"),
        ],
    )
    def test_are_given(self, code: str, incident: str, reason: str, field: str) -> None:
        with pytest.raises(BreakGlassIncomplete) as caught:
            Emergency(code, incident, reason)
        assert caught.value.field == field

    @pytest.mark.parametrize("code", ["", "BOREDOM", "safety"])
    def test_a_code_that_is_not_known(self, code: str, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("the reason code is not known", INSERT, insert(of_60, sybil, code=code))

    @pytest.mark.parametrize("empty", ["'INC-7'", "'why'"])
    def test_no_incident_and_no_words(self, empty: str, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("break_glass_says_why", INSERT.replace(empty, "''"), insert(of_60, sybil))


class TestWhatBeatsIt:
    def test_a_cohort_that_is_called_already(
        self, of_60: Plan, operator: User, pearland: Cohort, omar: User, sybil: User, keys: Keyring
    ) -> None:
        other = pending_plan(operator, pearland)
        approve(other, omar, keys)
        signed = keys.sign(sybil, of_60, hash_of(of_60), "BREAK_GLASS")
        with refused(CohortCommitted, of_60, sybil, "break-glass") as caught:
            force(of_60, sybil, None, signed=signed)
        assert f"Plan {other.pk}, approved meanwhile, already calls {pearland.name}" in str(caught.value)
        assert not BreakGlass.objects.exists()

    def test_another_content(self, of_60: Plan, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        signed = keys.sign(sybil, of_60, hash_of(of_60), "BREAK_GLASS")
        with as_role("web"):
            with refused(StaleContent, of_60, sybil, "break-glass"):
                force(of_60, sybil, None, signed=signed, content_hash="0" * 64)
            forged = insert(of_60, sybil, content_hash="0" * 64)
            assert_refused("the hash is not the one of this version", INSERT, forged)

    def test_the_time_to_decide(self, of_60: Plan, sybil: User, keys: Keyring) -> None:
        signed = keys.sign(sybil, of_60, hash_of(of_60), "BREAK_GLASS")
        with refused(TooLate, of_60, sybil, "break-glass"):
            force(of_60, sybil, None, signed=signed, at=APPROVE_BY)

    def test_a_decision_before_it(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        approve(plan, omar, keys)
        signed = keys.sign(sybil, plan, hash_of(plan), "BREAK_GLASS")
        with refused(NotAwaitingVote, plan, sybil, "break-glass"):
            force(plan, sybil, None, signed=signed)

    def test_a_freeze(self, of_60: Plan, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        signed = keys.sign(sybil, of_60, hash_of(of_60), "BREAK_GLASS")
        freeze(by=omar, at=AT, reason="line down")
        with as_role("web"):
            with refused(BreakGlassRefused, of_60, sybil, "break-glass") as caught:
                force(of_60, sybil, None, signed=signed)
            assert caught.value.why == "approvals are frozen: line down"
            assert_refused("approvals are frozen: line down", INSERT, insert(of_60, sybil))

    def test_a_freeze_afterwards(self, of_60: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        force(of_60, sybil, keys)
        freeze(by=omar, at=AT, reason="line down")
        assert objection(of_60) == "sending is frozen: line down"

    def test_a_veto(self, of_60: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        force(of_60, sybil, keys)
        run(INSERT_VOTE, forge(of_60, omar, decision="REJECT", reason="no"))
        assert objection(of_60) == "the version was rejected"

    def test_an_abort(self, of_60: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        force(of_60, sybil, keys)
        assert abort_plan(plan_id=of_60.pk, by=omar, at=AT).status == "CANCELLED"
        assert objection(of_60) == "the plan was stopped"

    def test_a_newer_version(self, of_60: Plan, operator: User, sybil: User, keys: Keyring, pearland: Cohort) -> None:
        force(of_60, sybil, keys)
        old = of_60.current_version_id
        asked = PlanRequest.objects.create(plan=of_60, number=2, by=operator, at=AT, strategy="balanced")
        add_version(of_60, asked, pearland)
        assert value_of("SELECT planning_send_objection(%s)", old) == "a newer version of the plan exists"
        assert objection(of_60) == "0 of 2 votes"


class TestReview:
    @pytest.fixture
    def forced(self, of_60: Plan, sybil: User, keys: Keyring) -> BreakGlass:
        force(of_60, sybil, keys)
        return BreakGlass.objects.get()

    def review(self, forced: BreakGlass, by: User, **changes: Any) -> BreakGlassReview:
        usual = {"by": by, "at": AT, "finding": "JUSTIFIED", "text": " The log shows it. "}
        return review_break_glass(**{"break_glass_id": forced.pk} | usual | changes)

    @pytest.mark.parametrize("finding", ["JUSTIFIED", "NOT_JUSTIFIED"])
    def test_by_a_second_person(self, finding: str, forced: BreakGlass, sven: User, as_web: None) -> None:
        self.review(forced, sven, finding=finding)
        kept = BreakGlassReview.objects.get()
        assert (kept.break_glass, kept.by, kept.finding, kept.text) == (forced, sven, finding, "The log shows it.")

    def test_not_by_who_forced_it(self, forced: BreakGlass, of_60: Plan, sybil: User, as_role: AsRole) -> None:
        with as_role("web"), refused(ReviewRefused, of_60, sybil, "review") as caught:
            self.review(forced, sybil)
        assert str(caught.value) == "The review was refused: a second person reviews."

    @pytest.mark.parametrize("roles", [[], ["operator"], ["auditor"], ["admin"]])
    def test_not_by_others(self, roles: list[str], forced: BreakGlass, of_60: Plan, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"), refused(PermissionNeeded, of_60, by, "review"):
            self.review(forced, by)

    def test_not_by_a_supervisor_who_administers(self, forced: BreakGlass, of_60: Plan, as_role: AsRole) -> None:
        by = person("petra", "supervisor", "admin")
        with as_role("web"), refused(ReviewRefused, of_60, by, "review") as caught:
            self.review(forced, by)
        assert caught.value.why == "this person may not review"

    def test_once(self, forced: BreakGlass, of_60: Plan, sven: User, as_role: AsRole) -> None:
        with as_role("web"):
            self.review(forced, sven)
            with refused(AlreadyReviewed, of_60, sven, "review"):
                self.review(forced, sven, finding="NOT_JUSTIFIED")

    @pytest.mark.parametrize(("change", "field"), [({"finding": "FINE"}, "finding"), ({"text": " \n"}, "text")])
    def test_says_something(
        self, change: dict[str, str], field: str, forced: BreakGlass, of_60: Plan, sven: User, as_role: AsRole
    ) -> None:
        with as_role("web"), refused(BreakGlassIncomplete, of_60, sven, "review") as caught:
            self.review(forced, sven, **change)
        assert caught.value.field == field

    def test_of_one_that_does_not_exist(self, forced: BreakGlass, sven: User) -> None:
        before = everything()
        with pytest.raises(BreakGlassUnknown):
            self.review(forced, sven, break_glass_id=forced.pk + 1)
        assert everything() == before


class TestOverdueReview:
    @pytest.fixture
    def overdue(self, of_60: Plan, sybil: User, keys: Keyring) -> BreakGlass:
        """Forced more than a day ago, as only somebody with the database in their hands can pretend."""
        force(of_60, sybil, keys)
        run("SET CONSTRAINTS ALL IMMEDIATE")
        run("ALTER TABLE planning_breakglass DISABLE TRIGGER append_only_rows")
        run("UPDATE planning_breakglass SET review_due_at = now() - interval '1 second'")
        run("ALTER TABLE planning_breakglass ENABLE ALWAYS TRIGGER append_only_rows")
        run("SET CONSTRAINTS ALL DEFERRED")
        return BreakGlass.objects.get()

    @pytest.fixture
    def another(self, operator: User) -> Plan:
        return pending_plan(operator, cohort("Another"), largest_mw="10")

    def test_blocks_the_next_one_whoever_it_is(
        self, overdue: BreakGlass, another: Plan, sybil: User, sven: User, keys: Keyring, as_role: AsRole
    ) -> None:
        for by in (sybil, sven):
            signed = keys.sign(by, another, hash_of(another), "BREAK_GLASS")
            with as_role("web"):
                with refused(BreakGlassRefused, another, by, "break-glass") as caught:
                    force(another, by, None, signed=signed)
                assert caught.value.why == "the review of an earlier one is overdue"
                assert_refused("the review of an earlier one is overdue", INSERT, insert(another, by))

    def test_until_it_is_done(self, overdue: BreakGlass, another: Plan, sybil: User, sven: User, keys: Keyring) -> None:
        review_break_glass(break_glass_id=overdue.pk, by=sven, at=AT, finding="JUSTIFIED", text="looked at the log")
        assert force(another, sybil, keys).status == "AUTHORISED"

    def test_one_that_is_not_due_yet_blocks_nothing(
        self, of_60: Plan, another: Plan, sybil: User, keys: Keyring
    ) -> None:
        force(of_60, sybil, keys)
        assert force(another, sybil, keys).status == "AUTHORISED"

    def test_changes_nothing_for_votes(self, overdue: BreakGlass, another: Plan, omar: User, keys: Keyring) -> None:
        assert approve(another, omar, keys).status == "AUTHORISED"


def test_the_cap_is_the_policys(operator: User, pearland: Cohort, sybil: User, keys: Keyring) -> None:
    put_in_force(rules_text({"name": "every plan"}, max_mw="10.5", review_h=2))
    plan = pending_plan(operator, pearland, largest_mw="10.5")
    larger = pending_plan(operator, cohort("Another"), largest_mw="10.501")
    force(plan, sybil, keys)
    row = BreakGlass.objects.get()
    assert row.review_due_at == row.wall_at + timedelta(hours=2)
    signed = keys.sign(sybil, larger, hash_of(larger), "BREAK_GLASS")
    with refused(BreakGlassRefused, larger, sybil, "break-glass") as caught:
        force(larger, sybil, None, signed=signed)
    assert caught.value.why == "no more than 10.5 MW can be forced"
