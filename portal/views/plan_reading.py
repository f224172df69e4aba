"""A plan's content as the plan page reads it: rows, bars, the chart, what is sent, what changed. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from grid.core.intervals import CENTRAL, QUARTER
from planning.core.drift import Drift, Level
from planning.core.plan_content import ContentCohort, PlanContent
from planning.models import PlannedEvent
from planning.queries import PlanCard
from portal.views import charts
from portal.views.csv_answer import Sheet

MONEY_SENTENCE: Final = "Incentives "
NOT_ELIGIBLE: Final = "not_eligible"
SENTENCE_END: Final = re.compile(r"(?<=\.) (?=[A-Z])")
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
COMPARED: Final = (
    ("Window starts", "window_start"),
    ("Window ends", "window_end"),
    ("Strategy", "strategy"),
    ("Target, MW", "target_mw"),
    ("Planned, MW", "planned_p50_mw"),
    ("Firm 9 in 10, MW", "firm_p90_mw"),
    ("Accounts called", "accounts_called"),
    ("Cost, $", "cost_usd"),
    ("Value, $", "value_usd"),
    ("Rebound, MWh", "rebound_mwh"),
)


@dataclass(frozen=True, slots=True)
class CohortLine:
    """One cohort's part, with its hours in words."""

    cohort: ContentCohort
    place: str
    hours: str
    bar: charts.MwBar


@dataclass(frozen=True, slots=True)
class Reasons:
    """The planner's sentences, sorted by what they are for."""

    why: tuple[str, ...]
    limits: tuple[str, ...]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What one cohort's receiver gets: `text` is the payload with line breaks, `size` the bytes really sent."""

    event: PlannedEvent
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs from the version before."""

    name: str
    before: str
    after: str


def question(content: PlanContent) -> str:
    """What an approval does, with the numbers in it (without the question mark)."""
    return f"Ask {_whom(content)} for {_less(content)}, {_window(content)}"


def matter(content: PlanContent) -> str:
    """What the plan is about, once nobody is asked any more."""
    return f"{_less(content)} from {_whom(content)}, {_window(content)}"


def _whom(content: PlanContent) -> str:
    """One cohort or two by name, more as a number; how many endpoints."""
    names = [cohort.name for cohort in content.cohorts]
    whom = " and ".join(names) if len(names) in (1, 2) else _kept(f"{len(names)} cohorts")
    return f"{whom} ({_kept(f'{content.accounts_called:,} endpoints')})"


def _less(content: PlanContent) -> str:
    """Never `34.4 MW` alone: it could be read as supplying power."""
    return _kept(f"{content.planned_p50_mw:,.1f} MW less")


def _window(content: PlanContent) -> str:
    start, end = (at.astimezone(CENTRAL) for at in (content.window_start, content.window_end))
    return f"{_kept(f'{start:%a %-d %b}')} {_kept(f'{start:%H:%M}–{end:%H:%M %Z}')}"


def _kept(words: str) -> str:
    """Together when the line breaks: a number and its unit, a date, a span of time and its zone."""
    return words.replace(" ", NO_BREAK)


def cohort_lines(content: PlanContent, events: Sequence[PlannedEvent]) -> list[CohortLine]:
    """The largest first."""
    places = {event.cohort_id: event.cohort.place for event in events}
    most = max((float(cohort.enrolled_mw) for cohort in content.cohorts), default=1.0)
    ordered = sorted(content.cohorts, key=lambda cohort: (-cohort.mean_mw, cohort.slug))
    return [CohortLine(c, places.get(c.cohort_id, ""), hours_of_runs(c), _bar(c, most)) for c in ordered]


def cohort_sheet(lines: Sequence[CohortLine], *, plan_id: int) -> Sheet:
    """The cohorts' part as a file."""
    return Sheet(
        name=f"plan-{plan_id}-cohorts",
        header=(
            "cohort",
            "place",
            "mean_mw",
            "enrolled_mw",
            "accounts_called",
            "accounts_eligible",
            "starts_at",
            "ends_at",
            "cost_usd",
        ),
        rows=[
            (
                line.cohort.name,
                line.place,
                line.cohort.mean_mw,
                line.cohort.enrolled_mw,
                line.cohort.accounts_called,
                line.cohort.accounts_eligible,
                line.cohort.starts_at,
                line.cohort.ends_at,
                line.cohort.cost_usd,
            )
            for line in lines
        ],
    )


def list_sheet(cards: Sequence[PlanCard]) -> Sheet:
    """Plans as a file, in the order given."""
    return Sheet(
        name="plans",
        header=(
            "plan",
            "status",
            "version",
            "strategy",
            "window_start",
            "window_end",
            "planned_p50_mw",
            "firm_p90_mw",
            "approvals",
            "required_approvals",
            "approve_by",
            "requested_by",
            "requested_at",
        ),
        rows=[_list_row(card) for card in cards],
    )


def _list_row(card: PlanCard) -> tuple[Any, ...]:
    plan, content = card.plan, card.content
    asked_by = plan.requested_by.get_username() if plan.requested_by else "watch agent"
    return (
        plan.pk,
        plan.status,
        card.version.number if card.version else None,
        content.strategy.value if content else None,
        content.window_start if content else None,
        content.window_end if content else None,
        content.planned_p50_mw if content else None,
        content.firm_p90_mw if content else None,
        card.votes.approvals,
        card.votes.required,
        plan.approve_by,
        asked_by,
        plan.requested_at,
    )


def excluded(content: PlanContent) -> list[str]:
    """Who is not called and why, in sentences."""
    said = {limit.cohort: limit.sentence for limit in content.limits if limit.limit == NOT_ELIGIBLE}
    return [said.get(item.cohort) or f"{item.cohort} cannot be called: {item.reason}." for item in content.not_called]


def needs_replan(drift: Drift | None) -> str:
    """Why no vote is offered before the plan is made anew; empty: none of what has moved closes it."""
    if drift is None or drift.level != Level.RED:
        return ""
    if drift.called_elsewhere:
        taken = drift.called_elsewhere[0]
        what = f"plan {taken.plan_id}, approved meanwhile, already calls {taken.cohort}"
    else:
        what = "too much has moved since the proposal"
    return f"{what}; edit it, so that it is made anew, or reject it"


def first_sentence(words: str) -> str:
    """Up to the first full stop that ends a sentence."""
    head, _stop, _rest = words.partition(". ")
    return head if head.endswith(".") else f"{head}."


def hours_of_runs(cohort: ContentCohort) -> str:
    """`17:00–19:00, 19:00–21:00`: each group of endpoints once."""
    spans = sorted({(run.starts_at, run.ends_at) for run in cohort.runs})
    return ", ".join(f"{a.astimezone(CENTRAL):%H:%M}–{b.astimezone(CENTRAL):%H:%M}" for a, b in spans)


def _bar(cohort: ContentCohort, most: float) -> charts.MwBar:
    nets = [float(interval.net_mw) for interval in cohort.intervals]
    mean, enrolled = float(cohort.mean_mw), float(cohort.enrolled_mw)
    words = f"{cohort.name}: {mean:.1f} MW on average, from {min(nets):.1f} to {max(nets):.1f}, of {enrolled:.1f} MW"
    return charts.mw_bar(low=min(nets), mark=mean, high=max(nets), most=most, ground=enrolled, words=words)


def mw_chart(content: PlanContent, *, now: datetime) -> charts.ChartFrame:
    """Net MW by quarter-hour with its band, through the window and the rebound after it."""
    rows = [(b.starts_at, float(b.p10_mw), float(b.p50_mw), float(b.p90_mw)) for b in content.band]
    picture = charts.Picture(
        start=content.window_start,
        end=rows[-1][0] + QUARTER,
        words=_chart_words(content),
        unit="MW below baseline",
        value_unit="MW",
        lines=[charts.Line("plan", [(at, p50) for at, _p10, p50, _p90 in rows], QUARTER, name="Planned (P50)")],
        bands=[charts.Band([(at, p10, p90) for at, p10, _p50, p90 in rows], QUARTER, name="Planned (P50)")],
        windows=[charts.Window(content.window_start, content.window_end, "event", "event")],
        limits=[
            charts.Limit(
                float(content.target_mw),
                f"target {content.target_mw:,.1f} MW",
                "aim",
                content.window_start,
                content.window_end,
            )
        ],
        now=now,
        from_zero=True,
        height=280,
        time_name="Quarter-hour from (Central time)",
    )
    return charts.framed(
        picture,
        key="mw",
        title="MW by quarter-hour",
        source="P10 to P90: eight days in ten lie inside; below zero: rebound after the event",
    )


def _chart_words(content: PlanContent) -> str:
    inside = [b for b in content.band if content.window_start <= b.starts_at < content.window_end]
    least = min(inside, key=lambda b: b.p50_mw)
    after = [b.p50_mw for b in content.band if b.starts_at >= content.window_end]
    words = f"{content.planned_p50_mw:,.1f} MW on average, {least.p50_mw:,.1f} MW at the least"
    rebound = f"; rebound of up to {-min(after):,.1f} MW afterwards" if after and min(after) < 0 else ""
    return f"{words} (from {charts.hour_words(least.starts_at)}){rebound}."


def reasons(content: PlanContent) -> Reasons:
    """Drivers first; limits that bind and what could go wrong apart from them.

    The planner's sentences come in one order (planning/core/explain.py): drivers up to the money, limits, risks.
    """
    limits = tuple(limit.sentence for limit in content.limits)
    said = tuple(each for words in content.rationale for each in SENTENCE_END.split(words))
    money = max((i for i, sentence in enumerate(said) if sentence.startswith(MONEY_SENTENCE)), default=len(said) - 1)
    last_limit = max((i for i, sentence in enumerate(said) if sentence in limits), default=money)
    return Reasons(why=said[: money + 1], limits=limits, against=said[max(money, last_limit) + 1 :])


def previews(events: Sequence[PlannedEvent]) -> list[Preview]:
    """The payloads, readable."""
    found = []
    for event in events:
        payload = bytes(event.payload)
        found.append(Preview(event, json.dumps(json.loads(payload), indent=1, ensure_ascii=False), len(payload)))
    return found


def differences(before: PlanContent, after: PlanContent) -> list[Difference]:
    """Headline fields that changed between two versions."""
    pairs = ((name, getattr(before, field), getattr(after, field)) for name, field in COMPARED)
    return [Difference(name, _shown(name, old), _shown(name, new)) for name, old, new in pairs if old != new]


def _shown(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(CENTRAL):%a %-d %b %H:%M %Z}"
    if isinstance(value, Decimal):
        return f"{value:,.0f}" if name.endswith("$") else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
