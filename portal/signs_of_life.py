"""The clock and the latest signs of life of what keeps the portal going, read in one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, DateTimeField, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from grid import clock
from grid.models import Clock, ProcessHeartbeat, Snapshot
from planning.approval_queries import KeyNews, key_news_of
from planning.models import BreakGlass, Freeze
from portal.ledger import keeper
from portal.templatetags.quantities import duration_words

LATE_AFTER: Final = timedelta(seconds=15)  # wall time without a heartbeat
STALE_AFTER: Final = timedelta(hours=2)  # portal time; hourly sources are one hour old just before the next row
SLOW_S: Final = 1.0  # wall time for the one query that frames every page
SILENT_AFTER: Final = {keeper.NAME: keeper.SILENT_AFTER}  # the others: LATE_AFTER
WATCHED: Final = ("worker", "dispatch", keeper.NAME)


@dataclass(frozen=True, slots=True)
class HealthItem:
    """How one part of the system does."""

    name: str
    words: str
    ok: bool


@dataclass(frozen=True, slots=True)
class FreezeOn:
    """The oldest freeze that is on; portal time. `until` None: until somebody lifts it."""

    by: str
    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The clock, the latest signs of life, and what everybody has to know, read in one look.

    `frozen`: who stopped approvals and sending (None: nobody); `unreviewed`: how many forced plans wait for a review.
    `unsound`: what a verification of the record found, until a supervisor lets it be; `held`: the same, where nothing
    is sent because of it.
    """

    clock: clock.ClockState
    run: int
    seen_at: Mapping[str, datetime | None]
    observed_at: datetime | None
    frozen: FreezeOn | None = None
    unreviewed: int = 0
    key_news: KeyNews | None = None
    unsound: str = ""
    held: str = ""


def read_signs(person_id: int | None = None) -> Reading:
    """One query, with what this person is told of their passkeys if one is named. Raises DatabaseError."""
    heartbeats = {
        f"{name}_seen_at": Subquery(ProcessHeartbeat.objects.filter(name=name).values("wall_at")) for name in WATCHED
    }
    now = Func(function="portal_now", output_field=DateTimeField())
    known = Snapshot.objects.filter(
        source=OuterRef("data_source"), observed_at__lte=OuterRef("now"), system_load_mw__isnull=False
    )
    newest = Subquery(known.order_by("-observed_at").values("observed_at")[:1])
    unseen = BreakGlass.objects.filter(review=None).order_by().annotate(all=Value(1)).values("all")
    unreviewed = Coalesce(Subquery(unseen.annotate(n=Count("pk")).values("n")), 0)
    rows = Clock.objects.annotate(now=now, frozen=_freeze_on(), unreviewed=unreviewed, **heartbeats)
    unsound = Func(function="ledger_alarm", output_field=TextField(null=True))
    held = Func(function="planning_sending_hold", output_field=TextField(null=True))
    rows = rows.annotate(unsound=unsound, sending_held=held)
    news = key_news_of(person_id) if person_id else {}
    told = {f"key_{name}": value for name, value in news.items()}
    row = rows.annotate(observed=newest, **told).filter(pk=Clock.SINGLE_ID).first()
    if row is None:
        return Reading(clock.state(), 0, dict.fromkeys(WATCHED), None)
    seen_at = {name: getattr(row, f"{name}_seen_at") for name in WATCHED}
    state = clock.state_of(row, at=row.now)
    keys = KeyNews(**{name: getattr(row, f"key_{name}") for name in news}) if news else None
    words = (row.unsound or "", row.sending_held or "")
    return Reading(state, row.run, seen_at, row.observed, _freeze_of(row.frozen), row.unreviewed, keys, *words)


def _freeze_on() -> Subquery:
    """The freeze that PostgreSQL's `planning_freeze_reason` tells the reason of, as JSON; for rows that have `now`."""
    on = Q(starts_at__lte=OuterRef("now")) & (Q(ends_at=None) | Q(ends_at__gt=OuterRef("now")))
    line = JSONObject(by="by__username", since="starts_at", until="ends_at", reason="reason")
    return Subquery(Freeze.objects.filter(on, lift=None).order_by("pk").values(line=line)[:1])


def _freeze_of(line: Mapping[str, str] | None) -> FreezeOn | None:
    if line is None:
        return None
    until = datetime.fromisoformat(line["until"]) if line["until"] else None
    return FreezeOn(line["by"], datetime.fromisoformat(line["since"]), until, line["reason"])


def process_health(name: str, seen_at: datetime | None) -> HealthItem:
    title = name.capitalize()
    if seen_at is None:
        return HealthItem(title, "never seen", ok=False)
    age = timezone.now() - seen_at
    seconds = max(0, int(age.total_seconds()))
    ok = age < SILENT_AFTER.get(name, LATE_AFTER)
    return HealthItem(title, f"ok, seen {seconds} s ago" if ok else f"silent for {_wall_words(seconds)}", ok)


def grid_health(at: datetime, observed_at: datetime | None) -> HealthItem:
    if observed_at is None:
        return HealthItem("Grid feed", "no reading yet", ok=False)
    age = at - observed_at
    ok = age <= STALE_AFTER
    return HealthItem("Grid feed", f"{duration_words(age)} old" if ok else f"stale, {duration_words(age)} old", ok)


def database_health(read_s: float) -> list[HealthItem]:
    """Nothing while one look takes at most a second; how long it took otherwise."""
    return [HealthItem("Database", f"slow, {read_s:.1f} s to answer", ok=False)] if read_s > SLOW_S else []


def _wall_words(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else duration_words(timedelta(seconds=seconds))
