"""Claims and signals as a probe wants them, right in everything but what it names."""

from __future__ import annotations

import hashlib
from typing import Any

from dispatch import operations as dispatch
from dispatch.models import Claim, Signal, Ven
from planning.models import (
    Plan,
    Transition,
)
from tests.planning.builders import AT
from tests.planning.guards.stand import Role, Stand


def claim(s: Stand, plan: Plan, **fields: Any) -> Claim:
    """A claim row as dispatch."""
    with s.role("dispatch"):
        return Claim.objects.create(**({"plan": plan, "version": plan.current_version, "at": AT} | fields))


def signal(s: Stand, taken: Claim, **fields: Any) -> Signal:
    """A signal row as dispatch, right in everything but `fields`."""
    return signal_as(s.role, taken, **fields)


def signal_as(role: Role, taken: Claim, **fields: Any) -> Signal:
    """The same by whoever `role` lets it be."""
    event = taken.version.events.get()
    payload = fields.get("payload", bytes(event.payload))
    usual = {
        "claim": taken,
        "version": taken.version,
        "planned_event": event,
        "ven": Ven.objects.get_or_create(cohort=event.cohort, defaults={"name": f"ven-{event.cohort_id}"})[0],
        "content_hash": taken.version.content_hash,
        "payload": payload,
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "mw": event.mean_mw,
        "run": 1,
        "queued_at": AT,
    }
    with role("dispatch"):
        return Signal.objects.create(**(usual | fields))


def claimed(s: Stand) -> Claim:
    return claim(s, s.quorum(s.plan()))


def sent(s: Stand) -> Signal:
    """Sent by the operations."""
    s.quorum(s.plan())
    with s.role("dispatch"):
        dispatch.claim_authorised(at=AT, wall_at=AT)
        dispatch.send_queued(at=AT, wall_at=AT)
    return Signal.objects.get(status="SENT")


def move(plan: Plan, to: str, by: Any = None) -> None:
    Transition.objects.create(plan=plan, to_status=to, by=by, actor="person", at=AT)
