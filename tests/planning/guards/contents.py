"""Probes of versions and their events: rows as the worker."""

from __future__ import annotations

import json
from typing import Any

from planning.models import (
    Plan,
    PlanVersion,
)
from tests.planning import builders
from tests.planning.builders import AT, END, START
from tests.planning.guards.policies import confirm, propose
from tests.planning.guards.stand import Stand, denied, probe


def version(s: Stand, plan: Plan, text: str, **fields: Any) -> PlanVersion:
    """As the worker, right in everything but what is named."""
    usual = {
        "plan": plan,
        "number": 2,
        "request": plan.requests.create(number=2, by=None, at=AT, strategy="balanced"),
        "content": text,
        "content_hash": builders.sha256(text.encode()),
        "window_start": START,
        "window_end": END,
        "proposed_at": AT,
    }
    with s.role("worker"):
        return PlanVersion.objects.create(**(usual | fields))


def text_without(plan: Plan, *names: str) -> str:
    found = json.loads(plan.current_version.content)
    return json.dumps({name: value for name, value in found.items() if name not in names})


@probe
def version_under_an_old_policy(s: Stand) -> None:
    plan = s.plan()
    confirm(s, propose(s).number)
    with denied("it does not name the approval policy in force"):
        version(s, plan, text_without(plan))


@probe
def version_without_what_the_policy_looks_at(s: Stand) -> None:
    plan = s.plan()
    with denied("what the policy looks at is missing"):
        version(s, plan, text_without(plan, "grid_state"))


@probe
def version_that_is_not_whole(s: Stand) -> None:
    for part in ("largest_interval_p50_mw", "band", "payloads"):
        plan = s.plan()
        with denied("plan_version_content_is_whole"):
            version(s, plan, text_without(plan, part))


@probe
def version_that_asks_for_no_vote(s: Stand) -> None:
    plan = s.plan()
    text = text_without(plan).replace('"required_approvals": 1', '"required_approvals": 0')
    with denied("plan_version_content_is_whole"):
        version(s, plan, text)


@probe
def version_of_less_than_nothing(s: Stand) -> None:
    plan = s.plan()
    with denied("plan_version_content_is_whole"):
        version(s, plan, text_without(plan).replace('"largest_interval_p50_mw": "15', '"largest_interval_p50_mw": "-5'))


@probe
def version_under_another_hash(s: Stand) -> None:
    plan = s.plan()
    with denied("plan_version_hash_is_of_content"):
        version(s, plan, text_without(plan), content_hash="0" * 64)


@probe
def version_rows_that_cannot_be(s: Stand) -> None:
    plan = s.plan()
    for words, fields in {
        "plan_version_number_once": {"number": 1},
        "plan_version_ends_after_start": {"window_end": START},
        "request_id": {"request": plan.requests.get(number=1)},
    }.items():
        with denied(words):
            version(s, plan, text_without(plan), **fields)


@probe
def the_same_content_twice(s: Stand) -> None:
    plan = s.plan()
    with denied("plan_version_content_once"):
        version(s, plan, plan.current_version.content)


@probe
def event_under_another_hash(s: Stand) -> None:
    event = s.plan().current_version.events.get()
    event.pk, event.event_name, event.payload = None, "x", b"other"
    event.cohort = s.cohort()
    with denied("planned_event_hash_is_of_payload"), s.role("worker"):
        event.save(force_insert=True)


@probe
def event_rows_that_cannot_be(s: Stand) -> None:
    for words, fields in {
        "event_name": {"cohort": s.cohort()},
        "planned_event_one_per_cohort": {"event_name": "x"},
        "planned_event_ends_after_start": {"event_name": "x", "cohort": s.cohort(), "ends_at": START},
    }.items():
        event = s.plan().current_version.events.get()
        event.pk = None
        for name, value in fields.items():
            setattr(event, name, value)
        with denied(words), s.role("worker"):
            event.save(force_insert=True)
