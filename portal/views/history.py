"""History: every plan that ended, what was stated, what came, who decided; and how far the stated can be trusted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from django.db.models import CharField, Exists, OuterRef, Value
from django.http import HttpRequest, HttpResponse

from cohorts.models import Cohort
from dispatch.core.track_record import TrackRecord, firm_record, target_record
from dispatch.models import EventResult
from dispatch.past import NO_TRAIL, PastFilter, PastTotals, Trail, ended_plans, past_totals, trails_of
from grid.queries import clock_changes
from planning.core.content import PlanContent, parse_content
from planning.core.lifecycle import TERMINAL, Status
from planning.models import Decision, Plan, PlanRequest, Strategy, Transition, Vote
from portal.frame import portal_now
from portal.models import User
from portal.templatetags.pages import CHIPS, Chip
from portal.views.csv_answer import Sheet
from portal.views.guard import page, show
from portal.views.signals import number_of

PAGE_SIZE: Final = 25
CHANGES_SHOWN: Final = 10
WITHIN: Final = Chip("check", "within band")
BELOW: Final = Chip("triangle-alert", "below firm", "warn")
ABOVE: Final = Chip("diamond", "above band")
STOPPED: Final = Chip("octagon-x", "aborted, not compared")
VERDICT_CHIPS: Final = {
    "too few": Chip("circle-dashed", "too few to judge"),
    "as stated": Chip("check", "as stated"),
    "less often": Chip("triangle-alert", "less often than stated", "warn"),
    "more often": Chip("diamond", "more often than stated"),
}


@dataclass(frozen=True, slots=True)
class Voted:
    """One vote in words, with the name of its icon."""

    shape: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class PastLine:
    """One ended plan; `delivered_mw` is the mean over the window, None when nothing was measured."""

    plan: Plan
    content: PlanContent | None
    result: EventResult | None
    delivered_mw: float | None
    band: Chip | None
    asked_by: str
    votes: Sequence[Voted]
    trail: Sequence[Transition]
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the track record, places in percent for the drawing."""

    name: str
    record: TrackRecord
    chip: Chip
    low_pct: float
    width_pct: float
    share_pct: float
    stated_pct: float


@page("planning.view_plan")
def history(request: HttpRequest) -> HttpResponse:
    """Newest first, filtered and paged by the address; totals and track record are the filter's, not the page's."""
    wanted, before = past_filter_of(request), number_of(request, "before")
    rows = ended_plans(wanted) if before is None else ended_plans(wanted).filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    totals = past_totals(wanted)
    context = {
        "at": portal_now(request),
        "lines": past_lines(found[:PAGE_SIZE]),
        "next_before": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "totals": totals,
        "track": track_record(totals),
        "wanted": wanted,
        "narrowed": wanted != PastFilter(),
        "choices": _choices(),
        "statuses": [(status.value, CHIPS[status].word) for status in Status if status in TERMINAL],
        "strategies": [(value, label.lower()) for value, label in Strategy.choices],
        "changes": clock_changes()[:CHANGES_SHOWN],
    }
    sheets = {"history": lambda: history_sheet(past_lines(ended_plans(wanted).order_by("-pk")))}
    return show(request, "portal/pages/history.html", context, fragments=("rows",), sheets=sheets)


def past_filter_of(request: HttpRequest) -> PastFilter:
    """What the address asks for; what cannot be read there is left out."""
    asked = request.GET
    status, strategy = asked.get("status", ""), asked.get("strategy", "")
    return PastFilter(
        status=status if status in TERMINAL else None,
        strategy=strategy if strategy in Strategy.values else None,
        first_day=_day(asked.get("from", "")),
        last_day=_day(asked.get("to", "")),
        person_id=number_of(request, "person"),
        cohort_id=number_of(request, "cohort"),
    )


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _choices() -> Mapping[str, list[tuple[int, str]]]:
    """People who ever acted on a plan, and cohorts, by id and name; one query."""
    acted = (
        Exists(PlanRequest.objects.filter(by=OuterRef("pk")))
        | Exists(Vote.objects.filter(voter=OuterRef("pk")))
        | Exists(Transition.objects.filter(by=OuterRef("pk")))
    )
    kind: Any = CharField()
    people = User.objects.filter(acted).values_list("pk", "username", Value("people", output_field=kind))
    every = Cohort.objects.values_list("pk", "name", Value("cohorts", output_field=kind))
    found: dict[str, list[tuple[int, str]]] = {"people": [], "cohorts": []}
    for pk, name, what in sorted(people.union(every, all=True), key=lambda row: row[1].lower()):
        found[what].append((pk, name))
    return found


def past_lines(rows: Iterable[Plan]) -> list[PastLine]:
    """Lines for plans read with `ended_plans`; two queries however many there are."""
    found = list(rows)
    trails = trails_of(plan.pk for plan in found)
    return [_line(plan, trails.get(plan.pk, NO_TRAIL)) for plan in found]


def _line(plan: Plan, trail: Trail) -> PastLine:
    version = plan.current_version
    content = parse_content(version.content) if version else None
    result = getattr(getattr(plan, "claim", None), "result", None)
    delivered = fmean(result.delivered_mw) if result and result.delivered_mw else None
    closing = trail.transitions[-1].reason if trail.transitions else ""
    return PastLine(
        plan=plan,
        content=content,
        result=result,
        delivered_mw=delivered,
        band=_band(plan, content, delivered),
        asked_by=plan.requested_by.get_username() if plan.requested_by else "the watch agent",
        votes=[_voted(vote, plan) for vote in trail.votes],
        trail=trail.transitions,
        reason=closing or plan.failure,
    )


def _band(plan: Plan, content: PlanContent | None, delivered_mw: float | None) -> Chip | None:
    """The mean delivered against the stated P10 to P90 of that mean."""
    if content is None or delivered_mw is None:
        return None
    if plan.status != Status.COMPLETED:
        return STOPPED
    if delivered_mw < content.firm_p90_mw:
        return BELOW
    return ABOVE if delivered_mw > content.p90_mw else WITHIN


def _voted(vote: Vote, plan: Plan) -> Voted:
    approves = vote.decision == Decision.APPROVE
    earlier = "" if vote.version_id == plan.current_version_id else f" version {vote.version.number}"
    word = "approved" if approves else "rejected"
    return Voted("check" if approves else "x", f"{vote.voter.get_username()} {word}{earlier}", vote.reason)


def track_record(totals: PastTotals) -> list[Kept]:
    """How often the firm MW and the target came, beside what the plans had stated."""
    named = (
        ("Firm MW or more", firm_record(totals.deliveries)),
        ("Target MW or more", target_record(totals.deliveries)),
    )
    return [_kept(name, record) for name, record in named if record.of]


def _kept(name: str, record: TrackRecord) -> Kept:
    low, high = record.low or 0.0, record.high or 0.0
    return Kept(
        name=name,
        record=record,
        chip=VERDICT_CHIPS[record.verdict],
        low_pct=round(low * 100, 1),
        width_pct=round((high - low) * 100, 1),
        share_pct=round((record.share or 0.0) * 100, 1),
        stated_pct=round((record.stated or 0.0) * 100, 1),
    )


def history_sheet(lines: Iterable[PastLine]) -> Sheet:
    """Ended plans as a file: every one of the filter, not only the page's."""
    header = (
        "plan",
        "run",
        "mode",
        "status",
        "strategy",
        "requested_at",
        "asked_by",
        "window_start",
        "window_end",
        "target_mw",
        "planned_p50_mw",
        "firm_p90_mw",
        "confidence",
        "delivered_mw",
        "band",
        "delivered_mwh",
        "rebound_mwh",
        "cost_usd",
        "value_usd",
        "votes",
        "reason",
    )
    return Sheet("history", header, (_sheet_row(line) for line in lines))


def _sheet_row(line: PastLine) -> tuple[Any, ...]:
    plan, content, result = line.plan, line.content, line.result
    stated = ("window_start", "window_end", "target_mw", "planned_p50_mw", "firm_p90_mw", "confidence")
    came = ("delivered_mwh", "rebound_mwh", "cost_usd", "value_usd")
    asked = (plan.requested_at, line.asked_by)
    return (
        *(plan.pk, plan.run, plan.mode, plan.status, plan.strategy, *asked),  # type: ignore[attr-defined]
        *(getattr(content, name, None) for name in stated),
        line.delivered_mw,
        line.band.word if line.band else None,
        *(getattr(result, name, None) for name in came),
        "; ".join(f"{vote.words}: {vote.reason}" if vote.reason else vote.words for vote in line.votes),
        line.reason,
    )
