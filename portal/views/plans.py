"""All plans, and the page of one: what is asked, how sure, why, what is sent to whom, who decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.http import HttpResponseClientRefresh

from planning.approval_queries import as_shown_to, has_to_estimate
from planning.core.content import PlanContent, parse_content
from planning.core.drift import Drift
from planning.core.lifecycle import ABORT_WORDS, AWAITING_VOTE, RUNNING, TERMINAL, Status, abort_target
from planning.models import Plan, PlanRequest
from planning.queries import PlanPage, by_urgency, decided_beside, options_of, plan_cards, plan_page, plans
from portal.frame import VOTED, frame_of, portal_now
from portal.views import charts, option_reading, plan_reading
from portal.views.approval_forms import CommentForm
from portal.views.grid_reading import drift_reading, record_reading
from portal.views.guard import htmx_target, page, person, show

PAGE_SIZE: Final = 25
SLOW_S: Final = 20
FOLLOWED: Final = RUNNING | {Status.AUTHORISED} | TERMINAL
HAS_EVENT: Final = RUNNING | {Status.COMPLETED, Status.ABORTED}
FILTERS: Final = {
    "all": ("All", frozenset(Status)),
    "open": ("To decide", AWAITING_VOTE | {Status.PLANNING}),
    "running": ("Sent or running", RUNNING | {Status.AUTHORISED}),
    "ended": ("Ended", TERMINAL),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One choice above the list."""

    key: str
    name: str
    current: bool


@page("planning.view_plan")
def plan_list(request: HttpRequest) -> HttpResponse:
    """Newest first, filtered and paged by the address; those to decide in the order in which they need somebody."""
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in FILTERS else "all"
    rows = _older_than(request.GET.get("before", ""), plans().filter(status__in=FILTERS[chosen][1]))
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    at = portal_now(request)
    cards = plan_cards(found[:PAGE_SIZE])
    context: dict[str, Any] = {
        "cards": by_urgency(cards, at=at) if chosen == "open" else cards,
        "next_before": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "chosen": chosen,
        "open_states": AWAITING_VOTE,
        "filters": [Filter(key, name, key == chosen) for key, (name, _states) in FILTERS.items()],
        "may_propose": "planning.propose_plan" in frame_of(request).rights,
        "at": at,
    }
    sheets = {"plans": lambda: plan_reading.list_sheet(context["cards"])}
    return show(request, "portal/pages/plans.html", context, fragments=("rows",), sheets=sheets)


def _older_than(before: str, rows: QuerySet[Plan]) -> QuerySet[Plan]:
    return rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows


@page("planning.view_plan")
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One plan; `seen` in a poll's address says which state the reader has before them."""
    at = portal_now(request)
    if htmx_target(request) == "state":
        return _state(request, plan_id)
    if htmx_target(request) == "progress":
        return _progress(request, plan_id)
    found = plan_page(plan_id)
    if found is None:
        raise Http404(f"There is no plan {plan_id}.")
    me, may_vote = person(request).pk, frame_of(request).could_vote_on(plan_id)
    if has_to_estimate(found, person_id=me, may_vote=may_vote):
        return redirect("estimate", plan_id)
    found = as_shown_to(found, person_id=me, may_vote=may_vote)
    content = found.card.content
    context: dict[str, Any] = {
        "at": at,
        "page": found,
        "card": found.card,
        "plan": found.card.plan,
        "content": content,
        "seen": _seen(found.card.plan),
        "wish": found.requests[0] if found.requests else None,
        "drift": (drift := drift_reading(frame_of(request), found.card, at=at)),
        "decision": decision_of(request, found, drift),
        "history": _history(found),
        "has_event": found.card.plan.status in HAS_EVENT,
        "progress": _progress_of(found.card.plan, found.requests[0] if found.requests else None),
    }
    if content is None:
        return show(request, "portal/pages/plan.html", context)
    context |= _reading(request, found, content, at) | _talk(request, found)
    sheets = {
        **charts.sheets(context["chart"]),
        "cohorts": lambda: plan_reading.cohort_sheet(context["lines"], plan_id=plan_id),
        "alternatives": lambda: option_reading.sheet(context["options"], plan_id=plan_id),
    }
    return show(request, "portal/pages/plan.html", context, fragments=("decision", "record"), sheets=sheets)


def _talk(request: HttpRequest, found: PlanPage) -> dict[str, Any]:
    """What people say."""
    frame, version = frame_of(request), found.card.version
    initial = {"content_hash": version.content_hash if version else ""}
    return {
        "comment_form": CommentForm(initial=initial),
        "may_comment": found.card.is_open and "planning.reject_plan" in frame.rights,
    }


def _reading(request: HttpRequest, found: PlanPage, content: PlanContent, at: datetime) -> dict[str, Any]:
    older = found.versions[1] if len(found.versions) > 1 else None
    version = found.card.version
    assert version is not None
    return {
        "options": option_reading.option_lines(options_of(version), strategy=content.strategy.value),
        "record": record_reading(frame_of(request), mode=found.card.plan.mode, at=at),
        "enrolled_mw": sum(cohort.enrolled_mw for cohort in content.cohorts),
        "beside": decided_beside(found.card.plan),
        "excluded": plan_reading.excluded(content),
        "lines": plan_reading.cohort_lines(content, found.events),
        "chart": plan_reading.mw_chart(content, now=at),
        "reasons": plan_reading.reasons(content),
        "previews": plan_reading.previews(found.events),
        "older": older,
        "differences": plan_reading.differences(parse_content(older.content), content) if older else [],
        "missed_votes": max(0, found.card.votes.required - found.card.votes.approvals),
    }


@dataclass(frozen=True, slots=True)
class Decision:
    """What this person may do with the plan now, and why not where they may not.

    `follows`: nobody decides about it any more, so the page shows by itself what becomes of it.
    """

    open: bool
    follows: bool
    may_approve: bool
    may_reject: bool
    may_edit: bool
    may_abort: bool
    may_force: bool
    abort_word: str
    why_not: str


def decision_of(request: HttpRequest, found: PlanPage, drift: Drift | None) -> Decision:
    """Offers for the page; the operations check again."""
    frame, status = frame_of(request), Status(found.card.plan.status)
    open_now = status in AWAITING_VOTE
    item = next((item for item in frame.awaiting if item.plan.pk == found.card.plan.pk), None)
    objection = item.objection if item else ""
    why_not = objection or plan_reading.needs_replan(drift)
    target = abort_target(status)
    own = any(asked.by_id == request.user.pk for asked in found.requests)
    return Decision(
        open=open_now,
        follows=status in FOLLOWED,
        may_approve=open_now and item is not None and not why_not and not frame.frozen,
        may_reject=open_now and not own and objection != VOTED and "planning.reject_plan" in frame.rights,
        may_edit=open_now and not frame.frozen and "planning.edit_plan" in frame.rights,
        may_abort=target is not None and "planning.abort_plan" in frame.rights,
        may_force=open_now
        and not frame.frozen
        and not found.card.called_elsewhere
        and "planning.break_glass" in frame.rights,
        abort_word=ABORT_WORDS[target] if target else "",
        why_not=why_not,
    )


def _seen(row: Plan) -> str:
    return f"{row.status}.{row.current_version_id or 0}"


def _state(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The state alone; says so when it is not the one the reader has, and reloads a page that only waited.

    A page about a decided plan follows by itself: there is nothing on it that a change could take from under a hand.
    """
    row = plans().defer("current_version__content").filter(pk=plan_id).first()
    if row is None:
        raise Http404(f"There is no plan {plan_id}.")
    seen = request.GET.get("seen", "")
    changed = seen != _seen(row)
    before = seen.partition(".")[0]
    if changed and before == Status.PLANNING:
        return HttpResponseClientRefresh()
    if before in FOLLOWED:
        seen, changed = _seen(row), False
    context = {"plan": row, "seen": seen, "changed": changed, "at": portal_now(request)}
    return render(request, "portal/components/plan_state.html", context)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the worker is with the newest request, and since when, in wall seconds."""

    stage: str
    elapsed_s: int

    @property
    def slow(self) -> bool:
        """Whether it takes longer than it should."""
        return self.elapsed_s >= SLOW_S


def _progress_of(row: Plan, wish: PlanRequest | None) -> Progress | None:
    if row.status != Status.PLANNING or wish is None:
        return None
    return Progress(row.stage, max(0, round((timezone.now() - wish.wall_at).total_seconds())))


def _progress(request: HttpRequest, plan_id: int) -> HttpResponse:
    """How far the worker is; the whole page once it is done."""
    row = plans().defer("current_version__content").filter(pk=plan_id).first()
    progress = _progress_of(row, row.requests.order_by("-number").first()) if row else None
    if progress is None:
        return HttpResponseClientRefresh()
    return render(request, "portal/components/progress.html", {"plan": row, "progress": progress})


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a plan's history."""

    at: datetime
    who: str
    what: str
    words: str


def _history(found: PlanPage) -> list[Happening]:
    """Moves, newest first."""
    return [
        Happening(
            at=move.at,
            who=move.by.get_username() if move.by else move.actor,
            what=move.to_status,
            words=move.reason,
        )
        for move in reversed(found.transitions)
    ]
