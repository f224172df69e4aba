"""A cohort's part of a plan as the bytes of one OpenADR 3.1 event: what is approved is what is sent.

The bytes are a function of their inputs alone: sorted keys, no whitespace, UTF-8. OpenADR 3.1.0 Definition, "event",
"interval", "intervalPeriod"; DISPATCH_SETPOINT_RELATIVE is the change of consumption, so a reduction is negative.
The endpoints called travel in a private payload type (Definition: "or use privately defined strings").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from grid.core.intervals import QUARTER
from grid.core.units import kw_of_mw
from planning.core.canonical import rfc3339
from planning.core.endpoints import EndpointRange, Ranges, ranges_of
from planning.core.solution import CohortPlan
from planning.core.strategy import Strategy

RENDERER_VERSION: Final = "1"
INTERVAL_DURATION: Final = "PT15M"
SETPOINT: Final = "DISPATCH_SETPOINT_RELATIVE"
ENDPOINTS: Final = "X_ENDPOINT_RANGES"
KW_PLACES: Final = 1

PRIORITY: Final[dict[Strategy, int]] = {
    Strategy.EMERGENCY: 0,
    Strategy.RELIABILITY: 1,
    Strategy.BALANCED: 2,
    Strategy.COST_MINIMIZE: 3,
}
"""OpenADR event priority, 0 the highest."""

CANCELLED_START: Final = "0001-01-01T00:00:00Z"
CANCELLED_DURATION: Final = "PT0S"


class EventUnreadable(ValueError):
    """Bytes that are not an event rendered here."""

    def __init__(self, *, why: str) -> None:
        self.why = why
        super().__init__(f"Not an event of this portal: {why}")


@dataclass(frozen=True, slots=True)
class EventInterval:
    """One quarter-hour: expected reduction of the endpoints called, in kW (positive = less load), and who they are."""

    shed_kw: float
    endpoints: Ranges


@dataclass(frozen=True, slots=True)
class EventReading:
    """What an event's bytes say, read back."""

    event_name: str
    program_id: str
    targets: tuple[str, ...]
    starts_at: datetime
    intervals: tuple[EventInterval, ...]

    @property
    def ends_at(self) -> datetime:
        """End of the last interval."""
        return self.starts_at + len(self.intervals) * QUARTER


def event_name(plan_number: int, version: int, cohort_slug: str) -> str:
    """Unique over all plans, versions and cohorts."""
    return f"plan-{plan_number}-v{version}-{cohort_slug}"


def event_span(plan: CohortPlan) -> tuple[datetime, datetime]:
    """First start and last end of a cohort's runs."""
    return min(run.starts_at for run in plan.runs), max(run.ends_at for run in plan.runs)


def event_intervals(plan: CohortPlan, assigned: Sequence[Ranges], window_start: datetime) -> tuple[EventInterval, ...]:
    """Quarter-hours from the first run's start to the last run's end; `assigned` are the endpoints of each run."""
    first, last = event_span(plan)
    offset = (first - window_start) // QUARTER
    intervals = []
    for step in range((last - first) // QUARTER):
        at = first + step * QUARTER
        called = [
            each
            for run, ranges in zip(plan.runs, assigned, strict=True)
            if run.starts_at <= at < run.ends_at
            for each in ranges
        ]
        intervals.append(EventInterval(kw_of_mw(float(plan.shed_mw[offset + step])), _joined(called)))
    return tuple(intervals)


def _joined(ranges: Iterable[EndpointRange]) -> Ranges:
    """Neighbouring ranges of several runs as one."""
    return ranges_of(number for each in ranges for number in range(each.first, each.last + 1))


def render_event(
    *,
    program_id: str,
    name: str,
    strategy: Strategy,
    targets: Sequence[str],
    starts_at: datetime,
    intervals: Sequence[EventInterval],
) -> bytes:
    """The body of POST /events (3.1.0 `eventRequest`): start in UTC, one interval per quarter-hour, ids from 0."""
    body = {
        "programID": program_id,
        "eventName": name,
        "priority": PRIORITY[strategy],
        "targets": list(targets),
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": SETPOINT, "units": "KW"},
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": ENDPOINTS},
        ],
        "intervalPeriod": {"start": rfc3339(starts_at), "duration": INTERVAL_DURATION},
        "intervals": [_interval(number, interval) for number, interval in enumerate(intervals)],
    }
    return _bytes(body)


def render_cancel(payload: bytes) -> bytes:
    """The body of PUT /events/{id} that cancels an event: nothing to do, at no time (User Guide 7.9)."""
    body = _parsed(payload)
    body["intervalPeriod"] = {"start": CANCELLED_START, "duration": CANCELLED_DURATION}
    body["intervals"] = []
    return _bytes(body)


def read_event(payload: bytes) -> EventReading:
    """An event's bytes read back. Raises EventUnreadable."""
    body = _parsed(payload)
    try:
        return EventReading(
            event_name=body["eventName"],
            program_id=body["programID"],
            targets=tuple(body["targets"]),
            starts_at=datetime.fromisoformat(body["intervalPeriod"]["start"]),
            intervals=tuple(_read_interval(interval) for interval in body["intervals"]),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise EventUnreadable(why=repr(wrong)) from wrong


def _interval(number: int, interval: EventInterval) -> dict[str, Any]:
    kw = -round(interval.shed_kw, KW_PLACES) or 0.0  # no negative zero in the bytes
    return {
        "id": number,
        "payloads": [
            {"type": SETPOINT, "values": [kw]},
            {"type": ENDPOINTS, "values": [str(each) for each in interval.endpoints]},
        ],
    }


def _read_interval(interval: dict[str, Any]) -> EventInterval:
    values = {payload["type"]: payload["values"] for payload in interval["payloads"]}
    endpoints = tuple(EndpointRange.parse(text) for text in values[ENDPOINTS])
    return EventInterval(shed_kw=-float(values[SETPOINT][0]) or 0.0, endpoints=endpoints)


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        body = json.loads(payload)
    except ValueError as wrong:
        raise EventUnreadable(why="no JSON") from wrong
    if not isinstance(body, dict):
        raise EventUnreadable(why="no object")
    return body


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
