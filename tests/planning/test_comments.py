"""Words about a version: a blocker holds up approval and sending until who may settle it has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cohorts.models import Cohort
from planning.models import Comment, CommentResolution, Delegation, Plan, PlanRequest
from planning.operations import (
    AlreadyResolved,
    BlockerOpen,
    CommentUnknown,
    NotAwaitingVote,
    NothingSaid,
    PermissionNeeded,
    ResolutionRefused,
    StaleContent,
    TooLate,
    add_comment,
    resolve_comment,
)
from portal.models import User
from tests.keys import Keyring
from tests.planning.ballots import approve
from tests.planning.builders import APPROVE_BY, AT, END, START, add_version, hash_of, pending_plan, person, refused
from tests.planning.sql import INSERT_VOTE, AsRole, assert_refused, forge, value_of

CLAIM = "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%s, %s, now(), now())"


def say(plan: Plan, by: User, **changes: Any) -> Comment:
    usual = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": by, "at": AT, "text": "Is the school open?"}
    return add_comment(**usual | changes)


def resolve(comment: Comment, by: User, text: str = "It is closed.") -> CommentResolution:
    return resolve_comment(comment_id=comment.pk, by=by, at=AT, text=text)


class TestComment:
    def test_is_kept(self, plan: Plan, omar: User, as_web: None) -> None:
        say(plan, omar, text=" Is the school open? ", about="cohorts")
        kept = Comment.objects.get()
        assert (kept.version_id, kept.by, kept.at) == (plan.current_version_id, omar, AT)
        assert (kept.text, kept.about, kept.blocker) == ("Is the school open?", "cohorts", False)

    def test_holds_nothing_up(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        say(plan, sybil)
        assert approve(plan, omar, keys).status == "AUTHORISED"

    def test_the_requester_may_say_something_too(self, plan: Plan, operator: User, as_web: None) -> None:
        assert say(plan, operator, blocker=True).blocker

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
    def test_others_may_not(self, roles: list[str], plan: Plan, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"), refused(PermissionNeeded, plan, by, "comment"):
            say(plan, by, blocker=True)

    @pytest.mark.parametrize("text", ["", " \n"])
    def test_says_something(self, text: str, plan: Plan, omar: User, as_web: None) -> None:
        with refused(NothingSaid, plan, omar, "comment"):
            say(plan, omar, text=text)

    def test_is_about_what_was_read(self, plan: Plan, omar: User, as_web: None) -> None:
        with refused(StaleContent, plan, omar, "comment"):
            say(plan, omar, content_hash="0" * 64)

    def test_comes_before_the_decision(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        with refused(TooLate, plan, sybil, "comment"):
            say(plan, sybil, at=APPROVE_BY)
        approve(plan, omar, keys)
        with refused(NotAwaitingVote, plan, sybil, "comment"):
            say(plan, sybil, blocker=True)


class TestBlocker:
    def test_holds_up_the_approval_until_it_is_resolved(
        self, plan: Plan, omar: User, sybil: User, keys: Keyring, as_web: None
    ) -> None:
        comment = say(plan, sybil, blocker=True)
        with refused(BlockerOpen, plan, omar, "approve") as caught:
            approve(plan, omar, keys)
        assert str(caught.value) == (
            "A comment marked as blocker is not resolved yet; nothing can be approved until it is."
        )
        assert_refused("a comment marked as blocker is not resolved", INSERT_VOTE, forge(plan, omar))
        resolve(comment, sybil)
        assert approve(plan, omar, keys).status == "AUTHORISED"

    def test_each_of_several(self, plan: Plan, omar: User, sybil: User, keys: Keyring) -> None:
        first, _second = say(plan, sybil, blocker=True), say(plan, omar, blocker=True)
        resolve(first, sybil)
        with refused(BlockerOpen, plan, omar, "approve") as caught:
            approve(plan, omar, keys)
        assert caught.value.count == 1

    def test_holds_up_the_second_vote(
        self, operator: User, pearland: Cohort, omar: User, sybil: User, sven: User, keys: Keyring
    ) -> None:
        plan = pending_plan(operator, pearland, required=2)
        approve(plan, sven, keys)
        say(plan, omar, blocker=True)
        with refused(BlockerOpen, plan, sybil, "approve"):
            approve(plan, sybil, keys)
        assert plan.status == "PARTIAL"

    def test_holds_up_the_sending(self, plan: Plan, omar: User, sybil: User, keys: Keyring, as_role: AsRole) -> None:
        """One that came in the same instant as the last vote."""
        approve(plan, omar, keys)
        comment = Comment.objects.create(version_id=plan.current_version_id, by=sybil, text="wait", blocker=True, at=AT)
        says = "a comment marked as blocker is not resolved"
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) == says
        with as_role("dispatch"):
            assert_refused(f"claim refused: {says}", CLAIM, [plan.pk, plan.current_version_id])
        resolve(comment, sybil)
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None

    def test_stays_with_its_version(
        self, plan: Plan, operator: User, pearland: Cohort, omar: User, sybil: User
    ) -> None:
        """What replaces it is another content, looked at anew."""
        say(plan, omar, blocker=True)
        asked = PlanRequest.objects.create(plan=plan, number=2, by=operator, at=AT, strategy="balanced")
        version = add_version(plan, asked, pearland)
        assert value_of("SELECT planning_open_blockers(%s)", version.pk) == 0
        assert value_of("SELECT planning_offer_objection(%s, %s)", sybil.pk, version.pk) is None


class TestResolution:
    @pytest.fixture
    def blocker(self, plan: Plan, omar: User) -> Comment:
        return say(plan, omar, blocker=True)

    def test_by_who_raised_it(self, blocker: Comment, omar: User, as_web: None) -> None:
        resolve(blocker, omar, " It is closed. ")
        kept = CommentResolution.objects.get()
        assert (kept.comment, kept.by, kept.text, kept.at) == (blocker, omar, "It is closed.", AT)

    def test_by_a_supervisor(self, blocker: Comment, sybil: User, as_web: None) -> None:
        assert resolve(blocker, sybil).by == sybil

    def test_not_by_another_operator(self, blocker: Comment, plan: Plan, oda: User, as_role: AsRole) -> None:
        with as_role("web"), refused(ResolutionRefused, plan, oda, "resolve"):
            resolve(blocker, oda)

    def test_not_by_the_requester(self, blocker: Comment, plan: Plan, operator: User, as_role: AsRole) -> None:
        with as_role("web"), refused(ResolutionRefused, plan, operator, "resolve"):
            resolve(blocker, operator)

    def test_not_by_a_supervisor_who_asked_for_the_plan(self, pearland: Cohort, omar: User, sybil: User) -> None:
        plan = pending_plan(sybil, pearland)
        comment = say(plan, omar, blocker=True)
        with refused(ResolutionRefused, plan, sybil, "resolve"):
            resolve(comment, sybil)

    def test_not_by_a_supervisor_who_lent_the_requester_their_vote(
        self, blocker: Comment, plan: Plan, operator: User, sybil: User
    ) -> None:
        Delegation.objects.create(
            delegator=sybil, delegate=operator, starts_at=AT, ends_at=END, max_mw=Decimal(50), reason="on leave"
        )
        assert START < END
        with refused(ResolutionRefused, plan, sybil, "resolve"):
            resolve(blocker, sybil)

    @pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
    def test_others_may_not(self, roles: list[str], blocker: Comment, plan: Plan, as_role: AsRole) -> None:
        by = person("petra", *roles)
        with as_role("web"), refused(PermissionNeeded, plan, by, "resolve"):
            resolve(blocker, by)

    def test_not_by_a_supervisor_who_administers(self, blocker: Comment, plan: Plan, as_role: AsRole) -> None:
        by = person("petra", "supervisor", "admin")
        with as_role("web"), refused(ResolutionRefused, plan, by, "resolve"):
            resolve(blocker, by)

    def test_once(self, blocker: Comment, plan: Plan, omar: User, sybil: User, as_role: AsRole) -> None:
        with as_role("web"):
            resolve(blocker, omar)
            with refused(AlreadyResolved, plan, sybil, "resolve"):
                resolve(blocker, sybil)

    def test_says_something(self, blocker: Comment, plan: Plan, omar: User, as_role: AsRole) -> None:
        with as_role("web"), refused(NothingSaid, plan, omar, "resolve"):
            resolve(blocker, omar, " ")

    def test_of_one_that_does_not_exist(self, blocker: Comment, omar: User) -> None:
        with pytest.raises(CommentUnknown):
            resolve_comment(comment_id=blocker.pk + 1, by=omar, at=AT, text="x")
        assert not CommentResolution.objects.exists()
