"""Everything a plan's evidence pack is made from, read in five queries: the plan's stream, what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from cohorts.models import Cohort
from grid.models import WeatherObservation
from planning.core.plan_content import PlanContent, parse_content
from planning.models import Plan
from planning.queries import plans
from portal.evidence.stream import Entry, entries_beside, entries_of
from portal.models import User

PERSON_COLUMNS: Final = (
    "by_id",
    "voter_id",
    "on_behalf_of_id",
    "requested_by_id",
    "delegator_id",
    "delegate_id",
    "user_id",
)
AROUND: Final = ("freezes", "policy")


@dataclass(frozen=True)
class Version:
    """One version as the record has it."""

    entry: Entry

    @cached_property
    def content(self) -> PlanContent:
        """What people decided upon."""
        return parse_content(self.entry.row["content"])

    @property
    def number(self) -> int:
        """1 is the first."""
        return int(self.entry.row["number"])

    @property
    def key(self) -> int:
        """The row's id: what votes, comments and viewings name."""
        return int(self.entry.row["id"])

    @property
    def written_at(self) -> datetime:
        """Wall time."""
        return self.entry.at


@dataclass(frozen=True)
class Material:
    """A plan, its stream, and what its pack says besides."""

    plan: Plan
    entries: tuple[Entry, ...]
    beside: tuple[Entry, ...]
    people: Mapping[int, str]
    weather: tuple[WeatherObservation, ...]

    def rows(self, source: str) -> list[Entry]:
        """Events of a table that can be read as its rows, in order."""
        return [entry for entry in self.entries if entry.source == source and not entry.fault]

    @property
    def odd(self) -> list[Entry]:
        """Events of the plan's stream that cannot be, or that say another time than theirs."""
        return [entry for entry in self.entries if entry.fault or entry.misdated]

    def first_rows(self, source: str) -> list[Entry]:
        """Of each row of a table the first event: how it was written, or stood when recording began."""
        found: dict[str, Entry] = {}
        for entry in self.rows(source):
            found.setdefault(entry.row_key, entry)
        return list(found.values())

    def beside_rows(self, source: str) -> list[Entry]:
        """Events of other streams, of a table."""
        return [entry for entry in self.beside if entry.source == source and not entry.fault]

    @cached_property
    def versions(self) -> list[Version]:
        """In their order."""
        return [Version(entry) for entry in self.rows("planning_planversion")]

    @property
    def current(self) -> Version | None:
        """The one that was decided upon last."""
        return next((each for each in self.versions if each.key == self.plan.current_version_id), None)

    def number_of(self, version_id: object) -> str:
        """`version 2`."""
        found = next((each.number for each in self.versions if each.key == version_id), None)
        return f"version {found}" if found else "a version the record does not have"

    def who(self, person_id: object, otherwise: str = "nobody") -> str:
        """The name somebody signs in with, now; the record itself knows ids alone."""
        if person_id in (None, ""):
            return otherwise
        return self.people.get(int(str(person_id)), f"person {person_id}")


def gather(plan_id: int) -> Material | None:
    """None when there is no plan of this number."""
    plan = plans().filter(pk=plan_id).first()
    if plan is None:
        return None
    entries = entries_of([f"plan:{plan_id}"])
    beside = entries_beside(AROUND, _named(entries))
    contents = [Version(entry) for entry in entries if entry.source == "planning_planversion" and not entry.fault]
    return Material(
        plan=plan,
        entries=entries,
        beside=beside,
        people=names_of((*entries, *beside)),
        weather=_weather(contents),
    )


def _named(entries: Iterable[Entry]) -> Iterable[tuple[str, object]]:
    """Rows of other streams that the plan's events name: keys, challenges, receivers."""
    for entry in entries:
        if entry.fault:
            continue
        if entry.source == "planning_voteassertion":
            yield "planning_passkey", entry.row["passkey_id"]
            yield "planning_stepupchallenge", entry.row["challenge_id"]
        if entry.source == "dispatch_signal":
            yield "dispatch_ven", entry.row["ven_id"]


def names_of(entries: Iterable[Entry]) -> dict[int, str]:
    """Sign-in names of everybody these events name; one query."""
    ids = {value for entry in entries for value in _people_of(entry)}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username")) if ids else {}


def who_of(names: Mapping[int, str]) -> Callable[[object], str]:
    """Tells the name of a person's id; of an account that is gone its number."""
    return lambda person_id: names.get(int(str(person_id)), f"person {person_id}") if person_id else "nobody"


def _people_of(entry: Entry) -> Iterable[int]:
    if entry.actor.isdecimal():
        yield int(entry.actor)
    for column in PERSON_COLUMNS:
        value = entry.row.get(column)
        if value is not None:
            yield int(value)


def _weather(versions: Sequence[Version]) -> tuple[WeatherObservation, ...]:
    """The newest weather of each called cohort's place that was known when the last version was written; one query.

    Looked up now: contents pin the temperature, not whose observation it began from.
    """
    if not versions:
        return ()
    last = versions[-1]
    places = Cohort.objects.filter(pk__in=[each.cohort_id for each in last.content.cohorts])
    known: Any = WeatherObservation.objects.filter(
        place__in=places.values("weather_place"),
        observed_at__lte=last.content.proposed_at,
        created_at__lte=last.written_at,
        source=last.content.grid.source,
    )
    return tuple(known.order_by("place", "-observed_at").distinct("place"))
