"""Probes of signals, their delivery and their cancellation: rows as dispatch."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from dispatch.models import Signal, Ven
from planning.models import (
    Plan,
    PlannedEvent,
)
from tests.planning.builders import AT, START
from tests.planning.guards.outgoing import claim, claimed, move, sent, signal
from tests.planning.guards.stand import Stand, denied, probe, sql


def try_signal(s: Stand, saying: str, **fields: Any) -> None:
    taken = claimed(s)
    with denied(saying):
        signal(s, taken, **fields)


@probe
def signal_that_is_sent_already(s: Stand) -> None:
    try_signal(s, "a signal is queued first", status="SENT", sent_at=AT)


@probe
def signal_under_another_hash(s: Stand) -> None:
    try_signal(s, "the content hash is not the one of this version", content_hash="0" * 64)


@probe
def signal_of_another_version_s_event(s: Stand) -> None:
    try_signal(s, "the event is not one of this version", planned_event=s.plan().current_version.events.get())


@probe
def signal_of_a_version_not_claimed(s: Stand) -> None:
    taken = claimed(s)
    other = s.quorum(s.plan()).current_version
    event = other.events.get()
    fields = {"version": other, "planned_event": event, "content_hash": other.content_hash}
    with denied("the version was not claimed"):
        signal(s, taken, **fields, payload=bytes(event.payload))


@probe
def signal_of_another_run(s: Stand) -> None:
    try_signal(s, "the run is not the one of the plan", run=2)


@probe
def signal_of_a_plan_of_another_run(s: Stand) -> None:
    taken = claimed(s)
    Plan.objects.update(run=5)
    with denied("the plan belongs to another run of the portal"):
        signal(s, taken, run=5)


@probe
def signal_under_another_payload_hash(s: Stand) -> None:
    try_signal(s, "the hash is not the one of the bytes", payload_sha256="0" * 64)


@probe
def signal_to_another_cohort(s: Stand) -> None:
    other = Ven.objects.create(name="other", cohort=s.cohort())
    try_signal(s, "the receiver is not the one of this cohort", ven=other)


@probe
def signal_to_a_real_receiver_in_a_drill(s: Stand) -> None:
    taken = claimed(s)
    Ven.objects.create(name="real", cohort=taken.version.events.get().cohort, simulated=False)
    with denied("a receiver that is not simulated gets nothing"):
        signal(s, taken)


@probe
def signal_of_another_kind(s: Stand) -> None:
    try_signal(s, "neither an event nor a cancellation", kind="OTHER")


@probe
def signal_with_other_bytes(s: Stand) -> None:
    try_signal(s, "the bytes are not the approved ones", payload=b'{"eventName":"more"}')


@probe
def signal_of_an_event_that_was_not_in_the_content(s: Stand) -> None:
    """Written beside the version after people had looked at it."""
    plan = s.quorum(s.plan())
    event = plan.current_version.events.get()
    payload = b'{"eventName":"beside"}'
    sha256 = hashlib.sha256(payload).hexdigest()
    event.pk, event.event_name, event.cohort, event.payload, event.payload_sha256 = (
        None,
        "b",
        s.cohort(),
        payload,
        sha256,
    )
    event.save(force_insert=True)
    taken = claim(s, plan)
    ven = Ven.objects.create(name="beside", cohort=event.cohort)
    fields = {"planned_event": event, "payload": payload, "ven": ven}
    original = PlannedEvent.objects.filter(version=plan.current_version).exclude(pk=event.pk)
    usual = original.get()
    with denied("the bytes are not part of the approved content"), s.role("dispatch"):
        Signal.objects.create(
            claim=taken,
            version=taken.version,
            content_hash=taken.version.content_hash,
            payload_sha256=sha256,
            starts_at=usual.starts_at,
            ends_at=usual.ends_at,
            mw=usual.mean_mw,
            run=1,
            queued_at=AT,
            **fields,
        )


@probe
def signal_at_another_time(s: Stand) -> None:
    try_signal(s, "the times or the MW are not the approved ones", starts_at=START + timedelta(minutes=15))


@probe
def signal_with_more_mw(s: Stand) -> None:
    try_signal(s, "the times or the MW are not the approved ones", mw=99)


@probe
def signal_after_the_plan_was_stopped(s: Stand) -> None:
    taken = claimed(s)
    move(taken.plan, "ABORTING", s.people["omar"])
    with denied("the plan was stopped"):
        signal(s, taken)


@probe
def a_second_signal(s: Stand) -> None:
    taken = claimed(s)
    signal(s, taken, status="QUEUED")
    sql("ALTER TABLE dispatch_signal DROP CONSTRAINT signal_no_overlap_for_one_ven")
    with denied("signal_once_per_planned_event"):
        signal(s, taken)


@probe
def two_events_at_once_for_one_receiver(s: Stand) -> None:
    of = s.cohort()
    first, second = (s.quorum(s.plan(of=of)) for _number in range(2))
    signal(s, claim(s, first))
    with denied("signal_no_overlap_for_one_ven"):
        signal(s, claim(s, second))


@probe
def signal_rows_that_cannot_be(s: Stand) -> None:
    sql("ALTER TABLE dispatch_signal DISABLE TRIGGER ALL")
    with denied("signal_ends_after_start"):
        signal(s, claimed(s), ends_at=START)
    with denied("signal_sent_says_when"):
        signal(s, claimed(s), status="SENT")


def change(s: Stand, made: Signal, saying: str, **fields: Any) -> None:
    with denied(saying), s.role("dispatch"):
        Signal.objects.filter(pk=made.pk).update(**fields)


@probe
def other_bytes_after_all(s: Stand) -> None:
    change(s, sent(s), "only its delivery may change", mw=99)


@probe
def sent_at_another_time(s: Stand) -> None:
    change(s, sent(s), "sent once, sent for ever", sent_at=START)


@probe
def sent_again_after_cancellation(s: Stand) -> None:
    made = signal(s, claimed(s))
    Signal.objects.filter(pk=made.pk).update(status="CANCELLED")
    change(s, made, "CANCELLED does not become SENT", status="SENT", sent_at=AT)


@probe
def queued_and_sent_after_an_abort(s: Stand) -> None:
    made = signal(s, claimed(s))
    move(made.claim.plan, "ABORTING", s.people["omar"])
    change(s, made, "the plan was stopped", status="SENT", sent_at=AT)


def cancelling(s: Stand, made: Signal, **fields: Any) -> None:
    event = json.loads(bytes(made.payload))
    body = event | {"intervals": [], "intervalPeriod": {"start": "0000-01-01T00:00:00Z", "duration": "PT0S"}}
    body |= fields.pop("body", {})
    usual = {"kind": "CANCEL", "payload": json.dumps(body).encode(), "mw": 0}
    signal(s, made.claim, **(usual | fields))


@probe
def cancelling_what_nobody_aborted(s: Stand) -> None:
    made = sent(s)
    with denied("nobody aborted this plan"):
        cancelling(s, made)


@probe
def cancelling_what_a_machine_aborted(s: Stand) -> None:
    made = sent(s)
    move(made.claim.plan, "ABORTING")
    with denied("nobody aborted this plan"):
        cancelling(s, made)


@probe
def cancelling_what_never_went_out(s: Stand) -> None:
    taken = claimed(s)
    move(taken.plan, "ABORTING", s.people["omar"])
    with denied("there is nothing to cancel"):
        signal(s, taken, kind="CANCEL", payload=b"{}")


@probe
def a_cancellation_that_calls_somebody(s: Stand) -> None:
    made = sent(s)
    move(made.claim.plan, "ABORTING", s.people["omar"])
    for body in ({"intervals": [1]}, {"intervalPeriod": {"duration": "PT1H"}}, {"eventName": "another"}):
        with denied("a cancellation calls nobody"):
            cancelling(s, made, body=body)
