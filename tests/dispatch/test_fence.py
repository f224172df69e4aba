"""Direct SQL against the fence: what PostgreSQL refuses whoever writes it, and that nothing changed then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from cohorts.models import Cohort
from dispatch.models import Claim, Receipt, Signal, Ven
from dispatch.operations import carry_out_aborts, claim_authorised, run_once
from planning.core.lifecycle import Status
from planning.models import Decision, Plan, Transition, Vote
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, Called

AT = PROPOSED_AT + timedelta(minutes=10)
Role = Callable[[str], AbstractContextManager[None]]
Calls = dict[Cohort, list[Called]]


def everything() -> list[Any]:
    models = (Plan, Transition, Claim, Signal, Ven, Receipt)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


@contextmanager
def refused(saying: str) -> Iterator[None]:
    """The block is refused with these words, and nothing changed."""
    before = everything()
    with pytest.raises(DatabaseError, match=saying), transaction.atomic():
        yield
    assert everything() == before


def execute(sql: str, **params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def insert_claim(plan: Plan, version_id: int | None = None) -> None:
    execute(
        "INSERT INTO dispatch_claim (plan_id, version_id, at, wall_at) VALUES (%(plan)s, %(version)s, %(at)s, %(at)s)",
        plan=plan.pk,
        version=version_id or plan.current_version_id,
        at=AT,
    )


SIGNAL = """
INSERT INTO dispatch_signal (claim_id, version_id, planned_event_id, ven_id, kind, content_hash, payload,
    payload_sha256, starts_at, ends_at, mw, run, status, queued_at, sent_at, wall_queued_at)
SELECT (SELECT max(id) FROM dispatch_claim WHERE plan_id = v.plan_id), v.id, e.id,
    (SELECT id FROM dispatch_ven WHERE cohort_id = %(ven_cohort)s), %(kind)s, %(hash)s, %(payload)s, %(sha256)s,
    e.starts_at + %(later)s, e.ends_at + %(later)s, e.mean_mw + %(more_mw)s,
    %(run)s, %(status)s, %(at)s, %(sent_at)s, %(at)s
FROM planning_planversion v JOIN planning_plannedevent e ON e.version_id = v.id WHERE v.id = %(version)s
"""


def insert_signal(plan: Plan, *, version_id: int | None = None, **changes: Any) -> None:
    """Raw SQL, right in every respect but `changes`."""
    version = plan.versions.get(pk=version_id or plan.current_version_id)
    event = version.events.get()
    payload = changes.get("payload", bytes(event.payload))
    usual = {
        "kind": "EVENT",
        "hash": version.content_hash,
        "payload": payload,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "later": timedelta(),
        "more_mw": 0,
        "run": Plan.objects.values_list("run", flat=True).get(pk=plan.pk),
        "status": "QUEUED",
        "sent_at": None,
        "version": version.pk,
        "ven_cohort": event.cohort_id,
        "at": AT,
    }
    execute(SIGNAL, **usual | changes)


@pytest.fixture
def claimed(authorised: Plan, thermostats: Cohort) -> Plan:
    """Claimed by raw SQL, its receiver known, nothing queued yet."""
    Ven.objects.create(name="ven", cohort=thermostats)
    insert_claim(authorised)
    return authorised


class TestWhatIsAllowed:
    def test_dispatch_may_queue_the_approved_bytes(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"):
            insert_signal(claimed)
        assert bytes(Signal.objects.get().payload) == bytes(claimed.current_version.events.get().payload)


class TestRoles:
    @pytest.mark.parametrize("role", ["web", "worker"])
    def test_only_dispatch_may_claim_and_send(self, role: str, claimed: Plan, as_role: Role) -> None:
        with as_role(role):
            with refused("permission denied"):
                insert_signal(claimed)
            with refused("permission denied"):
                insert_claim(claimed)
            with refused("permission denied"):
                execute("UPDATE dispatch_signal SET status = 'SENT', sent_at = now()")

    @pytest.mark.parametrize("table", ["dispatch_signal", "dispatch_claim", "dispatch_ven"])
    def test_dispatch_deletes_nothing(self, table: str, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("permission denied"):
            execute(f"DELETE FROM {table}")

    def test_dispatch_may_not_vote_nor_propose(self, authorised: Plan, supervisor: User, as_role: Role) -> None:
        with as_role("dispatch"):
            with refused("permission denied"):
                execute("INSERT INTO planning_vote (version_id) VALUES (1)")
            with refused("permission denied"):
                execute("INSERT INTO planning_plannedevent (version_id) VALUES (1)")

    def test_dispatch_writes_no_outcome_and_worker_no_transition_of_a_signal(
        self, authorised: Plan, as_role: Role
    ) -> None:
        with as_role("dispatch"), refused("permission denied"):
            execute("INSERT INTO dispatch_receipt (signal_id) VALUES (1)")

    def test_even_the_owner_does_not_delete_a_signal(self, claimed: Plan, as_role: Role) -> None:
        insert_signal(claimed)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        with as_role("owner"):
            for sql in (
                "DELETE FROM dispatch_signal",
                "TRUNCATE dispatch_signal CASCADE",
                "DELETE FROM dispatch_claim",
                "UPDATE dispatch_claim SET at = now()",
            ):
                with refused("append-only"):
                    execute(sql)


class TestClaim:
    def test_without_votes(self, calls: Calls, operator: User, as_role: Role) -> None:
        plan = factories.plan_of(calls, requested_by=operator, status=Status.AUTHORISED)
        with as_role("dispatch"), refused("0 of 1 votes"):
            insert_claim(plan)

    def test_with_too_few_votes(self, calls: Calls, operator: User, supervisor: User, as_role: Role) -> None:
        plan = factories.plan_of(calls, requested_by=operator, status=Status.AUTHORISED, required_approvals=2)
        factories.approve(plan, supervisor)
        with as_role("dispatch"), refused("1 of 2 votes"):
            insert_claim(plan)

    def test_for_an_outdated_version(self, authorised: Plan, calls: Calls, as_role: Role) -> None:
        old = authorised.current_version_id
        factories.add_version(authorised, calls)
        with as_role("dispatch"), refused("a newer version of the plan exists"):
            insert_claim(authorised, old)

    def test_after_a_veto(self, authorised: Plan, as_role: Role) -> None:
        version = authorised.current_version
        other = factories.person("sue", "supervisor")
        Vote.objects.create(
            version=version,
            content_hash=version.content_hash,
            voter=other,
            decision=Decision.REJECT,
            reason="no",
            at=AT,
        )
        with as_role("dispatch"), refused("the version was rejected"):
            insert_claim(authorised)

    @pytest.mark.parametrize("stop", [Status.CANCELLED, Status.ABORTING, Status.WITHDRAWN, Status.EXPIRED])
    def test_after_a_stop_whatever_the_status_column_says(self, stop: Status, authorised: Plan, as_role: Role) -> None:
        factories.move(authorised, stop)
        Plan.objects.update(status=Status.AUTHORISED)
        with as_role("dispatch"), refused("the plan was stopped"):
            insert_claim(authorised)

    def test_of_another_plans_version(self, authorised: Plan, operator: User, as_role: Role) -> None:
        other = factories.plan_of({factories.cohort("other"): [Called(5)]}, requested_by=operator)
        with as_role("dispatch"), refused("not one of this plan"):
            insert_claim(other, authorised.current_version_id)

    def test_a_second_time(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("duplicate key"):
            insert_claim(claimed)


class TestSignal:
    def test_without_a_claim(self, authorised: Plan, thermostats: Cohort, as_role: Role) -> None:
        Ven.objects.create(name="ven", cohort=thermostats)
        with as_role("dispatch"), refused("null value|the version was not claimed"):
            insert_signal(authorised)

    def test_with_one_byte_more(self, claimed: Plan, as_role: Role) -> None:
        approved = bytes(claimed.current_version.events.get().payload)
        with as_role("dispatch"), refused("the bytes are not the approved ones"):
            insert_signal(claimed, payload=approved + b" ")

    def test_with_more_kw_and_its_own_right_hash(self, claimed: Plan, as_role: Role) -> None:
        event = json.loads(bytes(claimed.current_version.events.get().payload))
        event["intervals"][0]["payloads"][0]["values"] = [-9999.0]
        with as_role("dispatch"), refused("the bytes are not the approved ones"):
            insert_signal(claimed, payload=json.dumps(event).encode())

    def test_with_a_hash_that_is_not_of_its_bytes(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("the hash is not the one of the bytes"):
            insert_signal(claimed, sha256="0" * 64)

    def test_under_another_content_hash(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("the content hash is not the one of this version"):
            insert_signal(claimed, hash="0" * 64)

    def test_at_another_time(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("the times or the MW are not the approved ones"):
            insert_signal(claimed, later=timedelta(minutes=15))

    def test_with_another_mw(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("the times or the MW are not the approved ones"):
            insert_signal(claimed, more_mw=1)

    def test_to_somebody_else(self, claimed: Plan, as_role: Role) -> None:
        other = factories.cohort("other")
        Ven.objects.create(name="other", cohort=other)
        with as_role("dispatch"), refused("the receiver is not the one of this cohort"):
            insert_signal(claimed, ven_cohort=other.pk)

    def test_as_already_sent(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("a signal is queued first"):
            insert_signal(claimed, status="SENT", sent_at=AT)

    def test_of_an_unknown_kind(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("neither an event nor a cancellation"):
            insert_signal(claimed, kind="OTHER")

    def test_twice(self, claimed: Plan, as_role: Role) -> None:
        with as_role("dispatch"):
            insert_signal(claimed)
            with refused("duplicate key|overlap"):
                insert_signal(claimed)

    def test_after_an_abort(self, claimed: Plan, operator: User, as_role: Role) -> None:
        factories.move(claimed, Status.ABORTING, by=operator)
        with as_role("dispatch"), refused("the plan was stopped"):
            insert_signal(claimed)

    def test_for_an_outdated_version(self, claimed: Plan, calls: Calls, as_role: Role) -> None:
        old = claimed.current_version_id
        factories.add_version(claimed, calls)
        with as_role("dispatch"), refused("a newer version of the plan exists"):
            insert_signal(claimed, version_id=old)

    def test_to_a_real_receiver_in_a_drill(self, claimed: Plan, as_role: Role) -> None:
        Ven.objects.update(simulated=False)
        factories.drill()
        with as_role("dispatch"), refused("a receiver that is not simulated gets nothing"):
            insert_signal(claimed)

    def test_to_a_real_receiver_when_live(self, claimed: Plan, as_role: Role) -> None:
        Ven.objects.update(simulated=False)
        with as_role("dispatch"):
            insert_signal(claimed)
        assert Signal.objects.count() == 1


class TestChange:
    @pytest.fixture
    def sent(self, authorised: Plan, as_role: Role) -> Signal:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        return Signal.objects.get()

    @pytest.mark.parametrize(
        "change", ["payload = 'x'", "mw = mw + 1", "starts_at = starts_at - interval '1 hour'", "queued_at = now()"]
    )
    def test_only_the_delivery_of_a_signal_changes(self, change: str, sent: Signal, as_role: Role) -> None:
        with as_role("dispatch"), refused("only its delivery may change"):
            execute(f"UPDATE dispatch_signal SET {change}")

    def test_sent_once_sent_for_ever(self, sent: Signal, as_role: Role) -> None:
        with as_role("dispatch"):
            with refused("sent once, sent for ever"):
                execute("UPDATE dispatch_signal SET sent_at = now()")
            with refused("sent once|SENT does not become QUEUED"):
                execute("UPDATE dispatch_signal SET status = 'QUEUED', sent_at = NULL")

    def test_what_was_cancelled_is_not_sent_after_all(self, authorised: Plan, as_role: Role) -> None:
        with as_role("dispatch"):
            claim_authorised(at=AT, wall_at=AT)
            execute("UPDATE dispatch_signal SET status = 'CANCELLED'")
            with refused("CANCELLED does not become SENT"):
                execute("UPDATE dispatch_signal SET status = 'SENT', sent_at = now()")

    def test_what_was_queued_is_not_sent_after_an_abort(self, authorised: Plan, operator: User, as_role: Role) -> None:
        with as_role("dispatch"):
            claim_authorised(at=AT, wall_at=AT)
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator)
        with as_role("dispatch"), refused("the plan was stopped"):
            execute("UPDATE dispatch_signal SET status = 'SENT', sent_at = now()")


class TestCancellation:
    @pytest.fixture
    def sent(self, authorised: Plan, as_role: Role) -> Plan:
        with as_role("dispatch"):
            run_once(at=AT, wall_at=AT)
        return authorised

    def test_of_a_plan_nobody_aborted(self, sent: Plan, as_role: Role) -> None:
        with as_role("dispatch"), refused("nobody aborted this plan"):
            insert_signal(sent, kind="CANCEL", more_mw=0)

    def test_that_calls_somebody(self, sent: Plan, operator: User, as_role: Role) -> None:
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator)
        event = json.loads(bytes(sent.current_version.events.get().payload))
        nothing = event | {"intervals": [], "intervalPeriod": {"duration": "PT0S"}}
        with as_role("dispatch"):
            for body in (event, event | {"intervals": []}, nothing | {"eventName": "another"}, [], "no JSON"):
                payload = b"{" if body == "no JSON" else json.dumps(body).encode()
                with refused("a cancellation calls nobody"):
                    insert_signal(sent, kind="CANCEL", payload=payload)

    def test_is_written_by_the_operation(self, sent: Plan, operator: User, as_role: Role) -> None:
        factories.move(Plan.objects.get(), Status.ABORTING, by=operator)
        with as_role("dispatch"):
            assert len(carry_out_aborts(at=AT, wall_at=AT)) == 1
