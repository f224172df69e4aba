"""What cohorts can do, as frozen read-models: enrolled, available (P50) and firm (P90) MW, always three numbers."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from cohorts.core.fleet import CohortBand, fleet_firm_mw
from cohorts.core.response import FlexibilityBand, ProgrammeRules, flexibility_mw
from cohorts.models import Account, Cohort, CohortQuerySet
from grid.core.intervals import CENTRAL, QUARTER, ceil_to, floor_to, local_hour, quarter_hours
from grid.core.refusals import Invalid, NotFound
from grid.queries import temperature_forecast, temperature_forecasts

AVAILABILITY_SPAN: Final = dt.timedelta(hours=3)
LONGEST_FLEXIBILITY: Final = dt.timedelta(days=7)
FARTHEST_BACK: Final = dt.timedelta(days=366)
FARTHEST_AHEAD: Final = dt.timedelta(days=30)


class CohortUnknown(NotFound):
    """No cohort has this id."""

    def __init__(self, cohort_id: int) -> None:
        self.cohort_id = cohort_id

    def __str__(self) -> str:
        return f"There is no cohort {self.cohort_id}."


class FlexibilitySpanRefused(Invalid):
    """The span asked for ends before it starts, is too long, or too far away. `field` is the end at fault."""

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why

    def __str__(self) -> str:
        return f"{self.field} must be {self.why}."


@dataclass(frozen=True, slots=True)
class Flexibility:
    """What one cohort can shed in each quarter-hour, were it called through all of them; arrays are (n_quarters,).

    Outside the programme's season, weekdays and hours (`within_programme` False) the MW are 0: no call is allowed then.
    """

    cohort_id: int
    starts_at: tuple[dt.datetime, ...]
    p10_mw: NDArray[np.float64]
    p50_mw: NDArray[np.float64]
    p90_mw: NDArray[np.float64]
    within_programme: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CohortAvailability:
    """One cohort's three numbers, means over the span. The last two are None while the temperature is not known."""

    cohort: Cohort
    enrolled_mw: float
    available_p50_mw: float | None
    firm_p90_mw: float | None


@dataclass(frozen=True, slots=True)
class FleetAvailability:
    """All active cohorts over [starts_at, ends_at). Its firm MW is not the sum of the cohorts' (see `core.fleet`)."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    cohorts: tuple[CohortAvailability, ...]
    enrolled_mw: float
    available_p50_mw: float | None
    firm_p90_mw: float | None


def active_cohorts() -> CohortQuerySet:
    """Cohorts that may be called, in the order they were created."""
    return Cohort.objects.active().order_by("pk")


def all_cohorts() -> CohortQuerySet:
    """Every cohort, called or not, in the order they were created."""
    return Cohort.objects.order_by("pk")


def cohort_by_id(cohort_id: int) -> Cohort:
    """One cohort. Raises CohortUnknown."""
    cohort = Cohort.objects.filter(pk=cohort_id).first()
    if cohort is None:
        raise CohortUnknown(cohort_id)
    return cohort


def eligible_endpoint_numbers(cohort_id: int) -> list[int]:
    """Numbers of the enrolled accounts, ascending: the endpoints a plan may call."""
    enrolled = Account.objects.filter(cohort_id=cohort_id, status=Account.Status.ENROLLED)
    return list(enrolled.order_by("number").values_list("number", flat=True))


def enrolled_accounts(cohort_ids: Iterable[int]) -> dict[int, int]:
    """Enrolled accounts by cohort id; 0 for a cohort that has none."""
    wanted = list(cohort_ids)
    enrolled = Account.objects.filter(cohort_id__in=wanted, status=Account.Status.ENROLLED)
    counted = enrolled.values("cohort_id").annotate(accounts=Count("pk")).order_by()
    return {**dict.fromkeys(wanted, 0), **{row["cohort_id"]: row["accounts"] for row in counted}}


def cohort_flexibility(*, cohort: Cohort, start: dt.datetime, end: dt.datetime, at: dt.datetime) -> Flexibility:
    """The band of one cohort for every quarter-hour that touches [start, end), from what is known by `at`.

    Raises FlexibilitySpanRefused, or grid.queries.TemperatureUnknown when no temperature of its place is known by then.
    """
    _check_span(start, end, at)
    starts = quarter_hours(floor_to(start, QUARTER), ceil_to(end, QUARTER))
    temps_f = temperature_forecast(place=cohort.weather_place, start=starts[0], end=starts[-1] + QUARTER, at=at)
    return _flexibility(cohort, enrolled_accounts([cohort.pk])[cohort.pk], starts, temps_f)


def fleet_flexibility(
    *, start: dt.datetime, end: dt.datetime, at: dt.datetime
) -> tuple[tuple[Cohort, Flexibility | None], ...]:
    """The same of every active cohort, None while its temperature is not known; few queries however many there are.

    Raises FlexibilitySpanRefused.
    """
    _check_span(start, end, at)
    starts = quarter_hours(floor_to(start, QUARTER), ceil_to(end, QUARTER))
    cohorts = list(active_cohorts())
    accounts = enrolled_accounts(cohort.pk for cohort in cohorts)
    places = {cohort.weather_place for cohort in cohorts}
    temps_f = temperature_forecasts(places=places, start=starts[0], end=starts[-1] + QUARTER, at=at)
    known = ((each, temps_f[each.weather_place]) for each in cohorts)
    return tuple(
        (each, None if temps is None else _flexibility(each, accounts[each.pk], starts, temps)) for each, temps in known
    )


def _flexibility(
    cohort: Cohort, accounts: int, starts: Sequence[dt.datetime], temps_f: NDArray[np.float64]
) -> Flexibility:
    band, within = _callable_band(cohort, accounts, starts, temps_f)
    return Flexibility(cohort.pk, tuple(starts), band.p10_mw, band.p50_mw, band.p90_mw, within)


def _check_span(start: dt.datetime, end: dt.datetime, at: dt.datetime) -> None:
    if end <= start:
        raise FlexibilitySpanRefused("end", "later than start")
    if end - start > LONGEST_FLEXIBILITY:
        raise FlexibilitySpanRefused("end", f"at most {LONGEST_FLEXIBILITY.days} days after start")
    if at - start > FARTHEST_BACK:
        raise FlexibilitySpanRefused("start", f"at most {FARTHEST_BACK.days} days ago")
    if end - at > FARTHEST_AHEAD:
        raise FlexibilitySpanRefused("end", f"at most {FARTHEST_AHEAD.days} days ahead")


def availability_of(cohorts: Sequence[Cohort], *, at: dt.datetime) -> dict[int, CohortAvailability]:
    """What each cohort could hold on average through the next three hours if called at `at`, by cohort id.

    A cohort that is not active has 0 MW available.
    """
    return _availability_of(cohorts, _next_quarters(at), at=at)


def availability_now(*, at: dt.datetime) -> FleetAvailability:
    """The fleet's three numbers over the next three hours, with each active cohort's."""
    return _fleet(list(active_cohorts()), _next_quarters(at), at=at)


def availability_between(
    *, cohorts: Sequence[Cohort], start: dt.datetime, end: dt.datetime, at: dt.datetime
) -> FleetAvailability:
    """The same of these cohorts over every quarter-hour that touches [start, end), from what is known by `at`.

    Raises FlexibilitySpanRefused.
    """
    _check_span(start, end, at)
    return _fleet(cohorts, quarter_hours(floor_to(start, QUARTER), ceil_to(end, QUARTER)), at=at)


def _availability_of(
    cohorts: Sequence[Cohort], starts: Sequence[dt.datetime], *, at: dt.datetime
) -> dict[int, CohortAvailability]:
    accounts = enrolled_accounts(cohort.pk for cohort in cohorts)
    temps_f = temperature_forecasts(
        places={cohort.weather_place for cohort in cohorts}, start=starts[0], end=starts[-1] + QUARTER, at=at
    )
    return {
        cohort.pk: _availability(cohort, accounts[cohort.pk], starts, temps_f[cohort.weather_place])
        for cohort in cohorts
    }


def _fleet(cohorts: Sequence[Cohort], starts: Sequence[dt.datetime], *, at: dt.datetime) -> FleetAvailability:
    found = tuple(_availability_of(cohorts, starts, at=at).values())
    bands = [
        CohortBand(item.firm_p90_mw, item.available_p50_mw, item.cohort.response_model.common_sigma)
        for item in found
        if item.available_p50_mw is not None and item.firm_p90_mw is not None
    ]
    known = len(bands) == len(found)
    return FleetAvailability(
        starts_at=starts[0],
        ends_at=starts[-1] + QUARTER,
        cohorts=found,
        enrolled_mw=math.fsum(item.enrolled_mw for item in found),
        available_p50_mw=math.fsum(band.p50_mw for band in bands) if known else None,
        firm_p90_mw=fleet_firm_mw(bands) if known else None,
    )


def within_programme(rules: ProgrammeRules, starts: Sequence[dt.datetime]) -> NDArray[np.bool_]:
    """Whether each quarter-hour lies in the programme's season, weekdays and hours (Central time): (n_quarters,)."""
    return np.array([_is_within(rules, start.astimezone(CENTRAL)) for start in starts], dtype=np.bool_)


def _is_within(rules: ProgrammeRules, local: dt.datetime) -> bool:
    # Quarter-hours never straddle a clock hour, so a start before `latest_hour` also ends by it.
    return (
        local.month in rules.season_months
        and (local.weekday() < 5 or not rules.weekdays_only)
        and rules.earliest_hour <= local.hour < rules.latest_hour
    )


def _next_quarters(at: dt.datetime) -> list[dt.datetime]:
    start = floor_to(at, QUARTER)
    return quarter_hours(start, start + AVAILABILITY_SPAN)


def _availability(
    cohort: Cohort, accounts: int, starts: Sequence[dt.datetime], temps_f: NDArray[np.float64] | None
) -> CohortAvailability:
    enrolled_mw = float(cohort.enrolled_mw)
    if not cohort.active:
        return CohortAvailability(cohort, enrolled_mw, 0.0, 0.0)
    if temps_f is None:
        return CohortAvailability(cohort, enrolled_mw, None, None)
    band, _within = _callable_band(cohort, accounts, starts, temps_f)
    return CohortAvailability(cohort, enrolled_mw, float(np.mean(band.p50_mw)), float(np.mean(band.p10_mw)))


def _callable_band(
    cohort: Cohort, accounts: int, starts: Sequence[dt.datetime], temps_f: NDArray[np.float64]
) -> tuple[FlexibilityBand, NDArray[np.bool_]]:
    """The response model's band, 0 where the programme allows no call."""
    hours = np.array([local_hour(start) for start in starts])
    rules = cohort.rules
    band = flexibility_mw(cohort.response_model, cohort.kw_per_account, accounts, temps_f, hours, rules)
    within = within_programme(rules, starts)
    masked = FlexibilityBand(band.p10_mw * within, band.p50_mw * within, band.p90_mw * within)
    return masked, within
