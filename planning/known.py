"""What is known at `at`, gathered into a planning problem. Every read is bounded by `at`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cohorts.models import Cohort
from cohorts.queries import active_cohorts, eligible_endpoint_numbers, enrolled_accounts
from grid.core.intervals import CENTRAL, HOUR, operating_day, operating_day_of
from grid.core.refusals import Invalid
from grid.core.stress import Stress
from grid.queries import (
    TemperatureUnknown,
    current_snapshot,
    forecast_at,
    price_forecast,
    stress_at,
    temperature_forecast,
)
from planning.core.canonical import decimal_of
from planning.core.drift import Basis, Drift, drift_between
from planning.core.endpoints import EndpointRange
from planning.core.explain import GridContext
from planning.core.plan_content import ForecastSource, GridSource, PlanContent
from planning.core.problem import REBOUND_HORIZON, CohortInput, PlanningProblem
from planning.core.strategy import Strategy
from planning.models import PlanRequest
from planning.queries import CallRecord, PlanCard, calls_of_cohorts, contents_committed

TIME_TO_DECIDE: Final = timedelta(minutes=30)
"""Between the proposal and the last instant of sending: the planner promises nothing that leaves people less."""

TIME_TO_DECIDE_IN_EMERGENCY: Final = timedelta(minutes=10)
LONGEST_REST: Final = timedelta(days=7)
STRESS_SHARE: Final[Mapping[str, float]] = {"normal": 0.25, "watch": 0.5, "tight": 0.75, "emergency": 1.0}
"""How tight each level of stress is, 0 to 1, when the planner chooses the target [A]."""


def time_to_decide(strategy: str) -> timedelta:
    """What people are left to decide in, before the notice of the programmes."""
    return TIME_TO_DECIDE_IN_EMERGENCY if strategy == Strategy.EMERGENCY else TIME_TO_DECIDE


class NothingKnown(Invalid):
    """The planner lacks what it needs; `what` says which."""

    field = "window"

    def __init__(self, what: str) -> None:
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is not known yet, so no plan can be made."


@dataclass(frozen=True)
class Known:
    """The problem, and where what it rests on came from."""

    problem: PlanningProblem
    endpoint_numbers: Mapping[str, Sequence[int]]
    grid_context: GridContext
    grid_source: GridSource
    forecast_source: ForecastSource
    grid_state: str


def gather(*, request: PlanRequest, at: datetime) -> Known:
    """Raises NothingKnown, or PlanningRefused when the request cannot be met whatever is solved."""
    stress = stress_at(at=at)
    start, end = _window(request, stress)
    prices = price_forecast(start=start, end=end + REBOUND_HORIZON, at=at)
    if np.isnan(prices).any():
        raise NothingKnown("What energy will cost")
    cohorts = list(active_cohorts())
    if request.cohort_ids:
        cohorts = [cohort for cohort in cohorts if cohort.pk in set(request.cohort_ids)]
    season_start = operating_day(operating_day_of(start).replace(month=1, day=1))[0]
    calls = calls_of_cohorts(since=min(season_start, start - LONGEST_REST))
    numbers = {cohort.slug: eligible_endpoint_numbers(cohort.pk) for cohort in cohorts}
    problem = PlanningProblem(
        now=at + time_to_decide(request.strategy),
        window_start=start,
        window_end=end,
        target_mw=None if request.target_mw is None else float(request.target_mw),
        strategy=Strategy(request.strategy),
        cohorts=tuple(
            _cohort_input(cohort, len(numbers[cohort.slug]), calls.get(cohort.pk), start, end, at) for cohort in cohorts
        ),
        prices_usd_per_mwh=prices,
        stress=STRESS_SHARE[stress.level],
    )
    return Known(
        problem=problem,
        endpoint_numbers=_fewest_calls_first(numbers, contents_committed(since=season_start)),
        grid_context=_grid_context(_trigger(request, stress), at),
        grid_source=_grid_source(at),
        forecast_source=_forecast_source(at),
        grid_state=stress.level,
    )


def basis_at(*, slugs: Collection[str], start: datetime, end: datetime, at: datetime) -> Basis:
    """What a plan that calls these cohorts in this window rests on, as known at `at`."""
    cohorts = list(Cohort.objects.filter(slug__in=slugs).order_by("pk"))
    snapshot, forecast = current_snapshot(at=at), forecast_at(at=at, hours=48)
    loads = [hour.load_mw for hour in forecast.intervals if start - HOUR < hour.starts_at < end] if forecast else []
    accounts = sum(enrolled_accounts(cohort.pk for cohort in cohorts).values())
    return Basis(
        forecast_peak_mw=_decimal(max(loads, default=None)),
        price_usd_per_mwh=_decimal(_mean(price_forecast(start=start, end=end, at=at))),
        reserves_mw=_decimal(snapshot.reserves_mw if snapshot else None),
        temp_f=_decimal(_mean_temp_f({cohort.weather_place for cohort in cohorts}, start, end, at)),
        accounts=accounts,
    )


def drift_of(content: PlanContent, *, at: datetime) -> Drift:
    """What has moved since the content was proposed: its basis against the same numbers as known at `at`."""
    slugs = {each.slug for each in content.cohorts}
    now = basis_at(slugs=slugs, start=content.window_start, end=content.window_end, at=at)
    return drift_between(content.basis, now)


def drift_of_card(card: PlanCard, *, at: datetime) -> Drift | None:
    """The same of an open plan, its cohorts that are called elsewhere by now among it; None: nothing to decide."""
    if card.content is None or not card.is_open:
        return None
    return replace(drift_of(card.content, at=at), called_elsewhere=card.called_elsewhere)


def _mean_temp_f(places: set[str], start: datetime, end: datetime, at: datetime) -> float | None:
    try:
        means = [temperature_forecast(place=place, start=start, end=end, at=at).mean() for place in sorted(places)]
    except TemperatureUnknown:
        return None
    return float(np.mean(means)) if means else None


def _mean(values: NDArray[np.float64]) -> float | None:
    return None if not len(values) or np.isnan(values).any() else float(values.mean())


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else decimal_of(value)


def _window(request: PlanRequest, stress: Stress) -> tuple[datetime, datetime]:
    if request.window_start and request.window_end:
        return request.window_start, request.window_end
    if stress.starts_at is None or stress.ends_at is None:
        raise NothingKnown("When the grid will be tight")
    return stress.starts_at, stress.ends_at


def _cohort_input(
    cohort: Cohort, eligible: int, calls: CallRecord | None, start: datetime, end: datetime, at: datetime
) -> CohortInput:
    try:
        temps_f = temperature_forecast(place=cohort.weather_place, start=start, end=end + REBOUND_HORIZON, at=at)
    except TemperatureUnknown as unknown:
        raise NothingKnown(f"The temperature in {cohort.place}") from unknown
    today = start.astimezone(CENTRAL).date()
    spans = calls.spans if calls else ()
    return CohortInput(
        slug=cohort.slug,
        cohort_id=cohort.pk,
        technology=cohort.response_model.technology,
        accounts_eligible=eligible,
        accounts_enrolled=cohort.account_count,
        kw_per_account=cohort.kw_per_account,
        rules=cohort.rules,
        temps_f=temps_f,
        calls_used_season=len(spans),
        calls_used_today=sum(span_start.astimezone(CENTRAL).date() == today for span_start, _span_end in spans),
        called_last_at=max((span_end for _start, span_end in spans if span_end <= start), default=None),
        name=cohort.name,
    )


def _fewest_calls_first(numbers: Mapping[str, Sequence[int]], contents: Sequence[PlanContent]) -> dict[str, list[int]]:
    """Each cohort's endpoint numbers, those called least this season at the front."""
    called: dict[str, Counter[int]] = {slug: Counter() for slug in numbers}
    for content in contents:
        for cohort in content.cohorts:
            if cohort.slug not in called:
                continue
            for text in (text for run in cohort.runs for text in run.endpoints):
                span = EndpointRange.parse(text)
                called[cohort.slug].update(range(span.first, span.last + 1))
    return {slug: sorted(found, key=lambda number: (called[slug][number], number)) for slug, found in numbers.items()}


def _trigger(request: PlanRequest, stress: Stress) -> str | None:
    """Why now: what the agent saw when it asked, not what the forecast has become while it waited to be solved."""
    if request.number == 1 and request.by_id is None:
        return request.reason or None
    return " ".join(stress.reasons) or None


def _grid_context(trigger: str | None, at: datetime) -> GridContext:
    snapshot, forecast = current_snapshot(at=at), forecast_at(at=at)
    peak = max(forecast.intervals, key=lambda hour: hour.load_mw) if forecast and forecast.intervals else None
    return GridContext(
        observed_at=snapshot.observed_at if snapshot else None,
        system_load_mw=snapshot.system_load_mw if snapshot else None,
        forecast_peak_mw=peak.load_mw if peak else None,
        forecast_peak_at=peak.starts_at if peak else None,
        reserves_mw=snapshot.reserves_mw if snapshot else None,
        reserves_kind=snapshot.reserves_kind if snapshot else None,
        eea_level=snapshot.eea_level if snapshot else None,
        trigger=trigger,
    )


def _grid_source(at: datetime) -> GridSource:
    snapshot = current_snapshot(at=at)
    return GridSource(None, snapshot.observed_at, snapshot.source) if snapshot else GridSource(None, None, "not known")


def _forecast_source(at: datetime) -> ForecastSource:
    forecast = forecast_at(at=at)
    return (
        ForecastSource(None, forecast.issued_at, forecast.label)
        if forecast
        else ForecastSource(None, None, "not known")
    )
