"""Parts the pages share: a state's chip, a bar of MW, a frame for pages rendered without a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from grid.core.intervals import CENTRAL, HOUR
from planning.core.lifecycle import STATUS_WORDS, Status
from planning.core.plan_content import PlanContent
from planning.core.policy import Needs
from planning.models import Strategy
from planning.queries import PlanCard
from portal.evidence.parts import real_time
from portal.frame import Frame
from portal.npm_files import icon_shapes
from portal.views import plan_reading

register = template.Library()


NEAR: Final = timedelta(hours=1)
ICON: Final = '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>'


@dataclass(frozen=True, slots=True)
class Chip:
    """A state as shape (a Lucide icon), word and tone (empty: normal)."""

    shape: str
    word: str
    tone: str = ""


SHAPES: Final = {
    Status.PLANNING: ("circle-dashed", ""),
    Status.FAILED: ("triangle-alert", "warn"),
    Status.DRAFT: ("circle-dashed", ""),
    Status.PENDING: ("diamond", "ours"),
    Status.CHANGES_REQUESTED: ("pencil-line", ""),
    Status.PARTIAL: ("diamond-plus", "ours"),
    Status.AUTHORISED: ("check", ""),
    Status.DISPATCHING: ("send", ""),
    Status.ACTIVE: ("circle-play", "ours"),
    Status.COMPLETED: ("check-check", ""),
    Status.REJECTED: ("x", ""),
    Status.EXPIRED: ("timer-off", "warn"),
    Status.SUPERSEDED: ("replace", ""),
    Status.WITHDRAWN: ("undo-2", ""),
    Status.CANCELLED: ("ban", ""),
    Status.ABORTING: ("octagon-pause", "warn"),
    Status.ABORTED: ("octagon-x", "warn"),
    Status.DISPATCH_FAILED: ("octagon-alert", "alarm"),
}
CHIPS: Final = {status: Chip(shape, STATUS_WORDS[status], tone) for status, (shape, tone) in SHAPES.items()}


@register.inclusion_tag("portal/components/chip.html")
def chip(status: str) -> dict[str, Any]:
    """A plan's state: shape and word, colour only for the abnormal."""
    return {"chip": CHIPS[Status(status)], "status": status}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A Lucide icon by its name, beside a word that says the same: it is hidden from screen readers."""
    shapes = mark_safe(icon_shapes(name))  # noqa: S308 - from a package pinned by hash, no input of anybody
    return format_html(ICON, shapes)


@register.inclusion_tag("portal/components/mwbar.html")
def mwbar(bar: Any, numbers: str = "") -> dict[str, Any]:
    """A `charts.MwBar`; `numbers` stand beside it where no column has them."""
    return {"bar": bar, "numbers": numbers}


@register.inclusion_tag("portal/components/deadline.html")
def deadline(by: datetime | None, at: datetime, passed_pct: int = 0) -> dict[str, Any]:
    """Until when to decide, absolute and relative; a warning once it is near, or much of the time has passed."""
    near = by is not None and by - at <= NEAR
    return {"by": by, "at": at, "near": near, "near_from": NEAR, "passed_pct": passed_pct}


@register.simple_tag
def bare_frame() -> Frame:
    """The frame of a page rendered without a request (Django's own error answers)."""
    return Frame(None)


@register.filter
def local(at: datetime | None, pattern: str) -> str:
    """An instant in Central time by a strftime pattern."""
    return "" if at is None else at.astimezone(CENTRAL).strftime(pattern)


@register.filter
def real(at: datetime | None) -> str:
    """Real time, as the record has it: `2026-11-26 09:31:02 UTC`."""
    return real_time(at)


@register.simple_tag
def hour_of(at: datetime, now: datetime) -> str:
    """`19:00` today, `Thu 19:00` on another day."""
    when, today = at.astimezone(CENTRAL), now.astimezone(CENTRAL)
    return f"{when:%H:%M}" if when.date() == today.date() else f"{when:%a %H:%M}"


@register.simple_tag
def in_hour(starts_at: datetime, now: datetime) -> str:
    """`17:00–18:00` today, `Thu 17:00–18:00` on another day: an hour's mean or peak is not an instant's."""
    return f"{hour_of(starts_at, now)}–{(starts_at + HOUR).astimezone(CENTRAL):%H:%M}"


@register.filter
def share_of_ten(share: float | None) -> str:
    """A probability as a frequency people can picture: `9 in 10`, `more than 19 in 20`, `less than 1 in 20`."""
    if share is None:
        return "not known"
    if share >= 0.975:
        return "more than 19 in 20"
    if share < 0.05:
        return "less than 1 in 20"
    tenths = round(share * 10)
    return f"{tenths} in 10" if 0 < tenths < 10 else f"{round(share * 20)} in 20"


@register.filter
def covered(card: PlanCard, frame: Frame) -> bool:
    """Whether this reader gives an estimate before they see the plan's MW."""
    return frame.covers(card)


@register.filter
def who(needs: Needs) -> str:
    """`2 people, 1 of them a supervisor`."""
    people = "1 person" if needs.approvals == 1 else f"{needs.approvals} people"
    if not needs.supervisors:
        return people
    if needs.approvals == needs.supervisors:
        return "1 supervisor" if needs.approvals == 1 else f"{needs.approvals} supervisors"
    return f"{people}, {needs.supervisors} of them a supervisor"


@register.filter
def rules_not_met(forced: Sequence[str]) -> str:
    """What PostgreSQL wrote down as forced, one after the other; it counts without regard to grammar."""
    return "; ".join("1 blocker not resolved" if rule == "1 blockers not resolved" else rule for rule in forced)


@register.filter
def status_words(status: str) -> str:
    """`awaits a vote` for PENDING."""
    return CHIPS[Status(status)].word


@register.filter
def strategy_words(strategy: str) -> str:
    """`lowest cost` for cost_minimize."""
    return str(Strategy(strategy).label).lower()


@register.filter
def source_words(source: str) -> str:
    """`synthetic data` or `replay file` for the name a source's rows carry."""
    kind = source.split(":", 1)[0]
    return {"synthetic": "synthetic data", "replay": "replay file"}.get(kind, source)


@register.filter
def question(content: PlanContent) -> str:
    """`Ask 5 cohorts (7,299 endpoints) for 51.1 MW less, Tue 18 Aug 17:00–21:00 CDT`."""
    return plan_reading.question(content)


@register.filter
def why_short(content: PlanContent) -> str:
    """The first reason in one sentence."""
    return plan_reading.first_sentence(content.rationale[0]) if content.rationale else "No reason was given."


@register.filter
def matter(content: PlanContent) -> str:
    """`51.1 MW less from 5 cohorts (7,299 endpoints), Tue 18 Aug 17:00–21:00 CDT`."""
    return plan_reading.matter(content)


@register.filter
def mean(values: Sequence[float] | None) -> float | None:
    """Of a series of interval means; None when there is none."""
    return sum(values) / len(values) if values else None


@register.filter
def signed(value: float | None) -> str:
    """`+1.2` or `−0.8`: the sign is always there."""
    return "" if value is None else f"{value:+,.1f}".replace("-", "−")
