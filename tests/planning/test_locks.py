"""What only two sessions at once can see: the locks. `make prove` takes each away and sees its check fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError

from dispatch.models import Claim
from planning.core.policy import DEFAULT_POLICY
from planning.models import BreakGlass, Freeze, Plan, Vote
from planning.operations import Emergency, approve_plan, force_plan, freeze, propose_policy
from planning.operations.approving import APPROVAL_LOCK
from tests.conftest import CommittedDatabase
from tests.keys import Keyring, password_of
from tests.planning.builders import AT, cohort, hash_of, pending_plan, person
from tests.planning.guards.outgoing import signal_as
from tests.planning.guards.sessions import WAIT_S, Lock, begun, held, without, without_trigger


def plan_for(requested_by: str = "olivia") -> Plan:
    return pending_plan(person(requested_by, "operator"), cohort())


def check_a_vote_waits_for_the_plans_row(database: CommittedDatabase) -> None:
    plan, omar = plan_for(), person("omar", "operator")
    row = ("SELECT 1 FROM planning_plan WHERE id = %s FOR UPDATE", [plan.pk])
    with ThreadPoolExecutor(1) as pool, held(database, row) as other:
        vote = begun(pool, "web", lambda: approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=omar, at=AT))
        waited = other.waits(vote) and not Vote.objects.exists()
        other.session.execute("UPDATE planning_plan SET status = 'WITHDRAWN' WHERE id = %s", [plan.pk])
        other.session.commit()
        assert waited
        assert type(vote.exception(WAIT_S)).__name__ == "NotAwaitingVote"


def check_one_approval_at_a_time(database: CommittedDatabase) -> None:
    plan, omar = plan_for(), person("omar", "operator")
    with ThreadPoolExecutor(1) as pool, held(database, ("SELECT pg_advisory_xact_lock(%s)", [APPROVAL_LOCK])) as other:
        vote = begun(pool, "web", lambda: approve_plan(plan_id=plan.pk, content_hash=hash_of(plan), by=omar, at=AT))
        waited = other.waits(vote)
        other.session.commit()
        assert vote.result(WAIT_S).status == "AUTHORISED"
        assert waited


def check_forcing_is_an_approval(database: CommittedDatabase) -> None:
    """It sees what an approval that has not ended yet commits cohorts to."""
    plan, sue = plan_for(), person("sue", "supervisor")
    given: dict[str, Any] = {"plan_id": plan.pk, "content_hash": hash_of(plan), "by": sue, "at": AT}
    given |= {
        "emergency": Emergency("SAFETY", "INC-1", "now"),
        "signed": Keyring().sign(sue, plan, hash_of(plan), "BREAK_GLASS"),
    }
    with ThreadPoolExecutor(1) as pool, held(database, ("SELECT pg_advisory_xact_lock(%s)", [APPROVAL_LOCK])) as other:
        forced = begun(pool, "web", lambda: force_plan(**given))
        waited = other.waits(forced)
        other.session.commit()
        assert forced.result(WAIT_S).status == "AUTHORISED"
        assert waited


def _approved(database: CommittedDatabase) -> Plan:
    plan = plan_for()
    Vote.objects.create(
        version=plan.current_version,
        content_hash=hash_of(plan),
        voter=person("omar", "operator"),
        decision="APPROVE",
        at=AT,
    )
    return plan


STOP = (
    "INSERT INTO planning_transition (plan_id, from_status, to_status, by_id, actor, reason, at, wall_at)"
    " VALUES (%s, 'AUTHORISED', 'CANCELLED', NULL, 'person', '', now(), now())"
)


def check_a_claim_waits_for_an_abort(database: CommittedDatabase) -> None:
    plan = _approved(database)
    row = ("SELECT 1 FROM planning_plan WHERE id = %s FOR UPDATE", [plan.pk])
    with ThreadPoolExecutor(1) as pool, held(database, row, (STOP, [plan.pk])) as other:
        claim = begun(pool, "dispatch", lambda: Claim.objects.create(plan=plan, version=plan.current_version, at=AT))
        waited = other.waits(claim)
        other.session.commit()
        assert waited
        with pytest.raises(DatabaseError, match="the plan was stopped"):
            claim.result(WAIT_S)


def check_sending_waits_for_an_abort(database: CommittedDatabase) -> None:
    plan = _approved(database)
    made = signal_as(as_superuser, Claim.objects.create(plan=plan, version=plan.current_version, at=AT), run=0)
    row = ("SELECT 1 FROM planning_plan WHERE id = %s FOR UPDATE", [plan.pk])
    with ThreadPoolExecutor(1) as pool, held(database, row, (STOP, [plan.pk])) as other:
        sent = begun(
            pool,
            "dispatch",
            lambda: type(made).objects.filter(pk=made.pk).update(status="SENT", sent_at=AT, wall_sent_at=AT),
        )
        waited = other.waits(sent)
        other.session.commit()
        assert waited
        with pytest.raises(DatabaseError, match="the plan was stopped"):
            sent.result(WAIT_S)


POLICY = """
INSERT INTO planning_approvalpolicy (number, rules, rules_sha256, proposed_by_id, reason, wall_at)
SELECT 2, rules, rules_sha256, %s, 'first', now() FROM planning_approvalpolicy WHERE number = 1
"""


def check_one_of_two_policies_at_once(database: CommittedDatabase) -> None:
    sam, sue = person("sam", "supervisor"), person("sue", "supervisor")
    secret = password_of(sue)
    with ThreadPoolExecutor(1) as pool, held(database, (POLICY, [sam.pk])) as other:
        second = begun(
            pool, "web", lambda: propose_policy(rules=DEFAULT_POLICY, by=sue, at=AT, reason="second", password=secret)
        )
        waited = other.waits(second)
        other.session.commit()
        assert waited
        assert type(second.exception(WAIT_S)).__name__ == "PolicyOvertaken"


VOTE = """
INSERT INTO planning_vote (version_id, content_hash, voter_id, decision, reason, step_up, at, wall_at)
VALUES (%s, %s, %s, 'APPROVE', '', 'NONE', now(), now())
"""
FREEZE = """
INSERT INTO planning_freeze (by_id, reason, starts_at, wall_at) VALUES (%s, 'storm', now() - interval '1 year', now())
"""


def check_waits_for_a_freeze(database: CommittedDatabase, role: str, work: Callable[[], Any], says: str) -> None:
    """What begins while somebody freezes everything waits, and then is refused."""
    with ThreadPoolExecutor(1) as pool, held(database, (FREEZE, [person("sam", "supervisor").pk])) as other:
        begun_work = begun(pool, role, work)
        waited = other.waits(begun_work)
        other.session.commit()
        assert waited
        with pytest.raises(DatabaseError, match=says):
            begun_work.result(WAIT_S)


def check_a_vote_waits_for_a_freeze(database: CommittedDatabase) -> None:
    plan, omar = plan_for(), person("omar", "operator")
    vote = {"version": plan.current_version, "content_hash": hash_of(plan), "voter": omar, "decision": "APPROVE"}
    check_waits_for_a_freeze(database, "web", lambda: Vote.objects.create(**vote, at=AT), "approvals are frozen: storm")


def check_a_claim_waits_for_a_freeze(database: CommittedDatabase) -> None:
    claim = {"plan": (plan := _approved(database)), "version": plan.current_version, "at": AT}
    check_waits_for_a_freeze(database, "dispatch", lambda: Claim.objects.create(**claim), "sending is frozen: storm")


def check_sending_waits_for_a_freeze(database: CommittedDatabase) -> None:
    plan = _approved(database)
    made = signal_as(as_superuser, Claim.objects.create(plan=plan, version=plan.current_version, at=AT), run=0)
    sent = {"status": "SENT", "sent_at": AT, "wall_sent_at": AT}
    update = type(made).objects.filter(pk=made.pk).update
    check_waits_for_a_freeze(database, "dispatch", lambda: update(**sent), "sending is frozen: storm")


def check_forcing_waits_for_a_freeze(database: CommittedDatabase) -> None:
    plan, sue = plan_for(), person("sue", "supervisor")
    forced = {"version": plan.current_version, "content_hash": hash_of(plan), "by": sue, "step_up": "PASSKEY", "at": AT}
    forced |= {"reason_code": "SAFETY", "incident": "INC-1", "reason": "now"}
    check_waits_for_a_freeze(
        database, "web", lambda: BreakGlass.objects.create(**forced), "approvals are frozen: storm"
    )


def check_a_freeze_waits_for_a_vote(database: CommittedDatabase) -> None:
    """What had been checked before the freeze is committed before it."""
    sam = person("sam", "supervisor")
    with ThreadPoolExecutor(1) as pool, held(database, _vote_begun()) as other:
        frozen = begun(pool, "web", lambda: freeze(by=sam, at=AT, reason="storm"))
        waited = other.waits(frozen)
        other.session.commit()
        assert waited
        frozen.result(WAIT_S)


def check_nobody_holds_up_a_freeze(database: CommittedDatabase) -> None:
    """A decision that never ends keeps the freeze waiting for two seconds, not for ever."""
    sam = person("sam", "supervisor")
    with ThreadPoolExecutor(1) as pool, held(database, _vote_begun()) as other:
        frozen = begun(pool, "web", lambda: freeze(by=sam, at=AT, reason="storm"))
        assert other.waits(frozen)
        assert frozen.exception(WAIT_S) is None
        assert Freeze.objects.get().reason == "storm"


def _vote_begun() -> tuple[str, list[Any]]:
    """Somebody's vote, not committed yet."""
    plan, omar = plan_for(), person("omar", "operator")
    return VOTE, [plan.current_version_id, hash_of(plan), omar.pk]


@contextmanager
def as_superuser(_role: str) -> Iterator[None]:
    """No role is taken on."""
    yield


LOCKS = {
    "a vote waits for the plan's row": Lock(
        check_a_vote_waits_for_the_plans_row,
        without("planning.operations.opening.locked", "Plan.objects.select_for_update()", "Plan.objects"),
    ),
    "one approval at a time": Lock(
        check_one_approval_at_a_time,
        without(
            "planning.operations.approving.one_approval_at_a_time", "SELECT pg_advisory_xact_lock(%s)", "SELECT %s"
        ),
    ),
    "forcing is an approval": Lock(
        check_forcing_is_an_approval,
        without("planning.operations.forcing.force_plan", "one_approval_at_a_time()", "pass"),
    ),
    "a claim waits for an abort": Lock(check_a_claim_waits_for_an_abort, without("dispatch_check_claim", "FOR SHARE")),
    "sending waits for an abort": Lock(
        check_sending_waits_for_an_abort, without("dispatch_check_signal_change", "FOR SHARE OF p")
    ),
    "one of two policies at once": Lock(
        check_one_of_two_policies_at_once,
        without("planning.operations.governing.propose_policy", "raise PolicyOvertaken from error", "pass"),
    ),
    "a vote waits for a freeze": Lock(
        check_a_vote_waits_for_a_freeze, without_trigger("a_freeze_comes_first", "planning_vote")
    ),
    "forcing waits for a freeze": Lock(
        check_forcing_waits_for_a_freeze, without_trigger("a_freeze_comes_first", "planning_breakglass")
    ),
    "a claim waits for a freeze": Lock(
        check_a_claim_waits_for_a_freeze, without_trigger("a_freeze_comes_first", "dispatch_claim")
    ),
    "sending waits for a freeze": Lock(
        check_sending_waits_for_a_freeze, without_trigger("a_freeze_comes_first", "dispatch_signal")
    ),
    "what waits shares a lock": Lock(
        check_sending_waits_for_a_freeze,
        without("planning_let_freezes_first", "PERFORM pg_advisory_xact_lock_shared(16051758);"),
    ),
    "a freeze stands alone": Lock(
        check_a_freeze_waits_for_a_vote, without("planning_freeze_alone", "PERFORM pg_advisory_xact_lock(16051758);")
    ),
    "its trigger": Lock(check_a_freeze_waits_for_a_vote, without_trigger("a_freeze_stands_alone", "planning_freeze")),
    "nobody holds up a freeze": Lock(
        check_nobody_holds_up_a_freeze, without("planning_freeze_alone", "SET lock_timeout TO '2s'")
    ),
    "nor makes it fail": Lock(
        check_nobody_holds_up_a_freeze,
        without("planning_freeze_alone", "EXCEPTION WHEN lock_not_available THEN\n    RETURN NEW;"),
    ),
}


@pytest.mark.parametrize("name", LOCKS)
def test_it_holds(name: str, committed_db: CommittedDatabase) -> None:
    LOCKS[name].check(committed_db)


@pytest.mark.prove
@pytest.mark.parametrize("name", LOCKS)
def test_it_is_missed_when_it_is_gone(name: str, committed_db: CommittedDatabase) -> None:
    with LOCKS[name].gone(), pytest.raises((AssertionError, DatabaseError, TimeoutError, pytest.fail.Exception)):
        LOCKS[name].check(committed_db)
