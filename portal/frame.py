"""What frames every page: the mode in words, the portal's time, what awaits this person, how the processes do.

Everything is read when a template asks for it and guarded there: an error page must render when the database is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, F, Func, OuterRef, TextField, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from grid import clock
from grid.core.intervals import CENTRAL
from grid.models import Clock
from planning.approval_queries import FOR_NOW, KeyNews
from planning.core.lifecycle import AWAITING_VOTE
from planning.models import Plan, Vote
from planning.queries import PlanCard, plans
from portal.incidents import request_id
from portal.preferences import PREFERENCES, chosen
from portal.roles import ROLES
from portal.sessions import ends_soon
from portal.signs_of_life import (
    FreezeOn,
    HealthItem,
    Reading,
    database_health,
    grid_health,
    process_health,
    read_signs,
)
from portal.templatetags.quantities import duration_words

SPEEDS: Final = (1, 10, 60, 120, 300, 600)
NAVIGATION: Final = (
    ("Overview", "overview", ("overview",)),
    ("Grid", "grid", ("grid",)),
    (
        "Plans",
        "plans",
        ("plans", "plan", "generate", "approve", "reject", "edit", "abort", "estimate", "force", "evidence"),
    ),
    ("Events", "events", ("events", "event")),
    ("Cohorts", "cohorts", ("cohorts", "cohort")),
    ("History", "history", ("history",)),
    ("Signals", "signals", ("signals",)),
    ("Rules", "rules", ("rules", "propose_policy", "break_glass", "review", "oversight", "passkeys")),
)
# Who audits has the record; who only looks after accounts, its access review.
FOR_SOME: Final = (
    ("ledger.view_event", "Record", "record"),
    ("portal.review_access", "Access", "access_review"),
)
OF_THE_RECORD: Final = ("record", "access_review", "break_glass_report", "record_state", "record_export")
RECORD_KEY: Final = "d"
SYNTHETIC: Final = "synthetic"
VOTED: Final = "you have voted on it"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One link of the main navigation."""

    name: str
    url: str
    current: bool
    letter: str = ""

    @property
    def key(self) -> str:
        """What follows `g` on the keyboard: the first letter, where no other page has it."""
        return self.letter or self.name[0].lower()


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A plan open for a vote, and why this person cannot vote on it (empty: they can)."""

    plan: Plan
    objection: str

    @property
    def could_vote(self) -> bool:
        """Whether this person's vote is still to come once a freeze is lifted or a blocker resolved."""
        return not self.objection or self.objection.startswith(FOR_NOW)


def frame(request: HttpRequest) -> Mapping[str, Any]:
    """The context processor: `frame` for every template."""
    return {"frame": frame_of(request)}


def frame_of(request: HttpRequest) -> Frame:
    """One frame per request, so that a view and its template read the clock once."""
    found = getattr(request, "portal_frame", None)
    if found is None:
        found = request.portal_frame = Frame(request)  # type: ignore[attr-defined]
    return found


def portal_now(request: HttpRequest) -> datetime:
    """The portal's time of this request, for views. Raises DatabaseError."""
    state = frame_of(request).clock
    return state.at if state is not None else clock.now()


class Frame:
    """Lazy answers, each None or empty when the database does not give it."""

    def __init__(self, request: HttpRequest | None) -> None:
        self._request = request

    @cached_property
    def _timed_read(self) -> tuple[Reading | None, float]:
        """The signs of life, and how many seconds the database took over them."""
        person_id = self._user.pk if self._is_overview and self._user else None
        began = time.perf_counter()
        read = _guarded(lambda: read_signs(person_id), None)
        return read, time.perf_counter() - began

    @property
    def _is_overview(self) -> bool:
        match = self._request.resolver_match if self._request else None
        return match is not None and match.view_name == "overview"

    @property
    def key_news(self) -> KeyNews | None:
        """What the overview tells somebody who votes of their passkeys."""
        return self._read.key_news if self._read and "planning.approve_plan" in self.rights else None

    @property
    def has_new_key(self) -> bool:
        """Whether one was enrolled that the person may not know of."""
        return self.key_news is not None and self.key_news.is_fresh(wall_at=self.wall_now)

    @property
    def _read(self) -> Reading | None:
        return self._timed_read[0]

    @property
    def clock(self) -> clock.ClockState | None:
        """The clock's state."""
        return self._read.clock if self._read else None

    @property
    def observed_at(self) -> datetime | None:
        """When the grid was last observed, as known now."""
        return self._read.observed_at if self._read else None

    @property
    def frozen(self) -> FreezeOn | None:
        """Who stopped approvals and sending, and why; None: no freeze is on."""
        return self._read.frozen if self._read else None

    @property
    def unreviewed(self) -> int:
        """How many forced plans nobody else has reviewed."""
        return self._read.unreviewed if self._read else 0

    @property
    def unsound(self) -> str:
        """What a verification of the record found, until a supervisor lets it be; empty: nothing."""
        return self._read.unsound if self._read else ""

    @property
    def held(self) -> bool:
        """Whether nothing is sent because of it."""
        return bool(self._read and self._read.held)

    @property
    def now(self) -> datetime | None:
        """Portal time."""
        return self.clock.at if self.clock else None

    @property
    def wall_now(self) -> datetime:
        """Wall time, for a browser to compare its own clock with."""
        return timezone.now()

    @property
    def ticks_per_s(self) -> str:
        """Portal seconds per wall second now; 0 while portal time stands still."""
        return f"{self.clock.speed:g}" if self.clock and self.clock.is_running else "0"

    @property
    def mode_word(self) -> str:
        """DRILL, REPLAY, SIMULATED GRID; empty when LIVE on real data, or not known."""
        if self.clock is None:
            return ""
        return "SIMULATED GRID" if self.clock.mode == "LIVE" and self._synthetic else self._scenario_word

    @property
    def _scenario_word(self) -> str:
        return "" if self.clock is None or self.clock.mode == "LIVE" else str(self.clock.mode)

    @property
    def _synthetic(self) -> bool:
        return self.clock is not None and self.clock.source == SYNTHETIC

    @property
    def mode_words(self) -> str:
        """The mode as a sentence; empty when LIVE on real data."""
        state = self.clock
        if state is None or not self.mode_word:
            return ""
        if state.mode == "LIVE":
            return "SIMULATED GRID: live clock, synthetic data."
        scenario = f"REPLAY of {state.label}" if state.mode == Clock.Mode.REPLAY else f"DRILL: {state.label}"
        return f"{scenario}, {state.speed:g}x."

    @property
    def mode_note(self) -> str:
        """What the mode means for whoever acts."""
        live = self.clock is not None and self.clock.is_live
        return "No number here comes from ERCOT." if live else "Nothing leaves the portal."

    @property
    def paused(self) -> bool:
        """Whether a person paused scenario time."""
        return bool(self.clock and self.clock.paused)

    @property
    def held_words(self) -> str:
        """Why scenario time stands still; empty while it runs."""
        state = self.clock
        if state is None or state.mode == "LIVE":
            return ""
        if state.paused:
            return "Scenario time is paused."
        if not state.held:
            return ""
        plan_id = self.held_plan_id
        return f"Scenario time waits for the vote on plan {plan_id}." if plan_id else "Scenario time waits for a vote."

    @property
    def held_plan_id(self) -> int | None:
        """The plan whose vote is awaited, the most urgent first."""
        state = self.clock
        if state is None or state.paused or not state.held:
            return None
        return next((item.plan.pk for item in self.awaiting), None)

    @property
    def speed(self) -> int:
        """Scenario seconds per wall second."""
        return round(self.clock.speed) if self.clock else 1

    @property
    def speeds(self) -> tuple[int, ...]:
        """What the speed control offers; the present speed is among them."""
        return tuple(sorted({*SPEEDS, self.speed}))

    @property
    def speed_words(self) -> str:
        """`60x`, `paused`, `waiting for a vote`; empty when LIVE."""
        state = self.clock
        if state is None or state.mode == "LIVE":
            return ""
        if state.paused:
            return "paused"
        return "waiting for a vote" if state.held else f"{state.speed:g}x"

    @property
    def zone(self) -> str:
        """`UTC-5` of Central Prevailing Time now."""
        offset = self.now.astimezone(CENTRAL).utcoffset() if self.now else None
        return "" if offset is None else f"UTC−{-offset // timedelta(hours=1)}"

    @cached_property
    def _user(self) -> Any:
        user = getattr(self._request, "user", None)
        return _guarded(lambda: user if user is not None and user.is_authenticated else None, None)

    @property
    def username(self) -> str:
        """Who is signed in; empty for nobody."""
        return self._user.get_username() if self._user else ""

    def covers(self, card: PlanCard) -> bool:
        """Whether the plan's MW are not shown to this person before they have given an estimate of their own."""
        count = card.votes
        if self._user is None or not count.needs.estimate or self._user.pk in count.estimated_by:
            return False
        return self.could_vote_on(card.plan.pk)

    def could_vote_on(self, plan_id: int) -> bool:
        """Whether this person still has a vote to give on an open plan, now or once nothing holds it up."""
        return any(item.plan.pk == plan_id and item.could_vote for item in self.awaiting)

    @cached_property
    def rights(self) -> frozenset[str]:
        """What their roles allow. Only for what to offer: the operations check for themselves."""
        user = self._user
        return frozenset(_guarded(user.get_group_permissions, set())) if user else frozenset()

    @property
    def role(self) -> str:
        """The role whose rights these are; empty when it is none of the usual ones, or the name already says it."""
        role = next((role for role, rights in ROLES.items() if set(rights) == self.rights), "")
        return "" if role == self.username else role

    @property
    def theme(self) -> str:
        """`system`, `light` or `dark`."""
        return chosen(self._request, "theme")

    @property
    def themes(self) -> list[tuple[str, str]]:
        """What the colour control offers."""
        return list(PREFERENCES["theme"].items())

    @property
    def shortcuts(self) -> bool:
        """Whether single keys act (docs/design-system.md)."""
        return chosen(self._request, "shortcuts") == "on"

    @property
    def may_add_cohorts(self) -> bool:
        """In the admin, so staff alone."""
        return bool(self._user and self._user.is_staff and "cohorts.add_cohort" in self.rights)

    @property
    def may_control_clock(self) -> bool:
        """Whether the clock's controls are offered."""
        return self._scenario_word != "" and "grid.control_clock" in self.rights

    @property
    def path(self) -> str:
        """Where a control returns to."""
        return self._request.get_full_path() if self._request else "/"

    @property
    def session_ends_in(self) -> str:
        """`8 min` once the sign-in is about to end; empty before, and for nobody."""
        left = _guarded(lambda: ends_soon(self._request), None) if self._user else None
        return "" if left is None else "less than a minute" if left < timedelta(minutes=1) else duration_words(left)

    @property
    def request_id(self) -> str:
        """What the log calls this request."""
        return request_id(self._request)

    @property
    def navigation(self) -> list[NavigationItem]:
        """The main links, the current one marked."""
        match = self._request.resolver_match if self._request else None
        here = match.view_name if match else ""
        items = [NavigationItem(name, reverse(url), here in pages) for name, url, pages in NAVIGATION]
        offered = next(((name, url) for right, name, url in FOR_SOME if right in self.rights), None)
        if offered is not None:
            items.append(NavigationItem(offered[0], reverse(offered[1]), here in OF_THE_RECORD, RECORD_KEY))
        if self._user is not None and self._user.is_staff:
            items.append(NavigationItem("Admin", reverse("admin:index"), current=here.startswith("admin:")))
        return items

    @cached_property
    def awaiting(self) -> list[Awaiting]:
        """All plans open for a vote, the most urgent first."""
        user, read = self._user, self._read
        return [] if user is None or read is None else _guarded(lambda: _awaiting(user.pk, read.run), [])

    @property
    def awaiting_me(self) -> list[Awaiting]:
        """Those this person can vote on."""
        return [item for item in self.awaiting if not item.objection]

    @cached_property
    def health(self) -> list[HealthItem]:
        """Worker, dispatch and grid feed: age of their last sign of life; the database when it is slow or gone."""
        read = self._read
        if read is None:
            return [HealthItem("Database", "does not answer", ok=False)]
        items = [process_health(name, seen_at) for name, seen_at in read.seen_at.items()]
        return [*items, grid_health(read.clock.at, read.observed_at), *database_health(self._timed_read[1])]


def _awaiting(person_id: int, run: int) -> list[Awaiting]:
    """Open plans of the clock's run with the database's own word on whether this person may vote, in one query."""
    version = F("current_version_id")
    objection = Func(Value(person_id), version, function="planning_offer_objection", output_field=TextField(null=True))
    voted = Exists(Vote.objects.filter(version=OuterRef("current_version_id"), voter_id=person_id))
    still_open = plans().filter(run=run, status__in=AWAITING_VOTE).order_by("approve_by", "pk")
    rows = still_open.annotate(objection=objection, voted=voted)
    return [Awaiting(plan, VOTED if plan.voted else plan.objection or "") for plan in rows]


def _guarded(read: Callable[[], Answer], otherwise: Answer) -> Answer:
    """The answer, or `otherwise` when the database does not give one."""
    try:
        return read()
    except (DatabaseError, InterfaceError):
        return otherwise
