"""The main job on one operating day, headless: the same operations the processes call, each as its own database role.

Nothing here decides anything. Every quarter-hour the worker ingests and lets the agent look, a supervisor approves what
is proposed, dispatch does its round and the simulated endpoints answer; `at` is scenario time throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.utils import timezone

from dispatch.models import EventResult
from dispatch.operations import measure_events, run_once, simulate_responses
from grid.core.intervals import CENTRAL, QUARTER, operating_day
from grid.core.refusals import Refusal
from grid.feeds.base import GridFeed
from grid.models import Clock
from grid.operations import ingest, start_clock
from grid.queries import grid_peak_mw, price_peak, stress_at
from planning.core.lifecycle import AWAITING_VOTE, TERMINAL
from planning.core.plan_content import PlanContent, parse_content
from planning.models import Plan, PlanVersion
from planning.proposal import solve_request
from planning.watch import watch
from portal.acting import acting_as
from portal.scenario_people import ScenarioPeople
from portal.seeding import seed

REBOUND_WATCHED: Final = timedelta(hours=6)
MW_PLACES: Final = 3
QUARTERS_PER_HOUR: Final = 4


class DayNotInFile(Refusal):
    """The history file does not hold the day that was asked for."""

    def __init__(self, day: date, start: datetime | None, end: datetime | None) -> None:
        self.day, self.start, self.end = day, start, end

    def __str__(self) -> str:
        span = f"from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC" if self.start and self.end else ""
        return f"{self.day} is not wholly in the file, which reaches {span}."


@dataclass
class Scenario:
    """One run of one day; `play` returns the JSON of interface.md (no ids, no wall times)."""

    day: date
    path: Path
    feed: GridFeed
    seed: int
    work_dir: Path
    plan: Plan | None = None
    calm: str = ""
    people: ScenarioPeople = field(init=False)

    def __post_init__(self) -> None:
        self.people = ScenarioPeople(self.work_dir)

    def play(self) -> dict[str, Any]:
        """Set the portal up in the database the process points at, walk through the day, and tell what came of it."""
        start, end = operating_day(self.day)
        self._check_day(start, end)
        self._prepare(start)
        for at in _quarters(start, end):
            self._look(at)
            if self.plan is not None:
                self._decide(at)
                self._act(at)
            if at >= end and self._has_ended(at):
                break
        return self._story(at)

    def _check_day(self, start: datetime, end: datetime) -> None:
        first, last = self.feed.history_start, self.feed.history_end
        if (first and start < first) or (last and end > last):
            raise DayNotInFile(self.day, first, last)

    def _prepare(self, start: datetime) -> None:
        with acting_as("owner"):
            call_command("migrate", verbosity=0)
            seed(data_dir=self.work_dir, at=start)
            start_clock(
                mode=Clock.Mode.REPLAY,
                source=str(self.path),
                scenario_start=start,
                speed=1.0,
                hold_for_votes=True,
                by=None,
                wall_at=timezone.now(),
            )

    def _look(self, at: datetime) -> None:
        with acting_as("worker"):
            ingest(feed=self.feed, at=at, wall_at=timezone.now())
            if self.plan is not None or at >= operating_day(self.day)[1]:
                return
            stress = stress_at(at=at)
            if stress.peak_load_mw is not None and not stress.worth_calling and not self.calm:
                self.calm = " ".join(stress.reasons)
            self.plan = watch(at=at, mode=Clock.Mode.REPLAY)
            if self.plan is not None:
                solve_request(plan_id=self.plan.pk, number=1, at=at)

    def _decide(self, at: datetime) -> None:
        """Supervisors, who did not ask for the plan, read it and approve exactly that content."""
        assert self.plan is not None
        with acting_as("web"):
            self.plan.refresh_from_db()
            version = self.plan.current_version
            if self.plan.status not in AWAITING_VOTE or version is None:
                return
            self.people.approve(self.plan, at=at)

    def _act(self, at: datetime) -> None:
        with acting_as("dispatch"):
            run_once(at=at, wall_at=timezone.now())
        with acting_as("worker"):
            simulate_responses(at=at, wall_at=timezone.now(), seed=self.seed)
            measure_events(at=at, wall_at=timezone.now())

    def _has_ended(self, at: datetime) -> bool:
        if self.plan is None:
            return True
        with acting_as("web"):
            self.plan.refresh_from_db()
            version = self.plan.current_version
            if self.plan.status not in TERMINAL or version is None:
                return False
            return at >= version.window_end + REBOUND_WATCHED or not hasattr(version, "claim")

    def _story(self, at: datetime) -> dict[str, Any]:
        with acting_as("web"):
            grid = {
                "day": self.day.isoformat(),
                "grid_peak_mw": _rounded(grid_peak_mw(self.day, at=at)),
                "price_peak_usd_per_mwh": _rounded(price_peak(self.day, at=at)),
            }
            result = EventResult.objects.filter(claim__plan=self.plan).select_related("claim__version").first()
            if result is None:
                return {**grid, **_not_called(self._why_not())}
            return {**grid, **_called(result)}

    def _why_not(self) -> str:
        if self.plan is None:
            return self.calm or "Nothing in the day's forecasts called for an event."
        return self.plan.failure or f"The plan ended as {self.plan.status}."


def _quarters(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every quarter-hour of the day, then on until the longest rebound has passed."""
    at = start
    while at <= end + timedelta(hours=30):
        yield at
        at += QUARTER


def _called(result: EventResult) -> dict[str, Any]:
    version: PlanVersion = result.claim.version
    content: PlanContent = parse_content(version.content)
    delivered_mw = [round(value, MW_PLACES) for value in result.delivered_mw]
    return {
        "strategy": content.strategy.value,
        "window": {"start": _central(content.window_start), "end": _central(content.window_end)},
        "target_mw": float(content.target_mw),
        "planned_p50_mw": float(content.planned_p50_mw),
        "firm_p90_mw": float(content.firm_p90_mw),
        "confidence": float(content.confidence),
        "events_sent": result.claim.signals.filter(kind="EVENT", sent_at__isnull=False).count(),
        "endpoints": result.endpoints,
        "opt_outs": result.opt_outs,
        "planned_mw": [_rounded(value) for value in result.planned_mw],
        "delivered_mw": delivered_mw,
        "delivered_mwh": round(sum(delivered_mw) / QUARTERS_PER_HOUR, MW_PLACES + 3),
        "rebound_mwh": _rounded(result.rebound_mwh),
        "cost_usd": _rounded(result.cost_usd, 2),
        "value_usd": _rounded(result.value_usd, 2),
        "called": True,
        "reason": " ".join(content.rationale[:1]),
    }


def _not_called(why: str) -> dict[str, Any]:
    unknown = (
        "target_mw",
        "planned_p50_mw",
        "firm_p90_mw",
        "confidence",
        "delivered_mwh",
        "rebound_mwh",
        "cost_usd",
        "value_usd",
    )
    return {
        "strategy": None,
        "window": None,
        **dict.fromkeys(unknown),
        "events_sent": None,
        "endpoints": None,
        "opt_outs": None,
        "planned_mw": [],
        "delivered_mw": [],
        "called": False,
        "reason": why,
    }


def _central(at: datetime) -> str:
    return at.astimezone(CENTRAL).isoformat()


def _rounded(value: float | None, places: int = MW_PLACES) -> float | None:
    return None if value is None else round(value, places)
