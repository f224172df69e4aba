"""Measure what an event delivered once its window has ended, and what comes back in six hours after. Worker role."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, Sum

from dispatch.measurement.delivered import (
    REBOUND_COUNTED,
    Telemetry,
    TelemetryMissing,
    delivered_mwh,
    incentive_usd,
    quarter_hour_means,
    rebound_mwh,
    value_usd,
)
from dispatch.models import Claim, EndpointOutcome, EventResult, Signal
from dispatch.planned import planned_mw_of
from dispatch.queries import series_of, telemetry_by_signal
from dispatch.simulator.truth import SOURCE
from grid.core.units import KW_PER_MW
from grid.queries import actual_prices, current_run

logger = logging.getLogger(__name__)


def measure_events(*, at: datetime, wall_at: datetime) -> list[EventResult]:  # noqa: ARG001 (as every due action)
    """Write or bring up to date the result of every event whose window has ended. Returns the results written.

    A result is final when six hours of rebound are in it; the prices of the window are known long before. What
    telemetry has not reached yet waits for the next call.
    """
    final = EventResult.objects.filter(
        claim=OuterRef("pk"), rebound_until__gte=OuterRef("version__window_end") + REBOUND_COUNTED
    )
    sent = Signal.objects.filter(
        claim=OuterRef("pk"), kind=Signal.Kind.EVENT, ven__simulated=True, sent_at__isnull=False
    )
    due = Claim.objects.filter(~Exists(final), Exists(sent), plan__run=current_run(), version__window_end__lte=at)
    measured = [_measure(claim, at=at) for claim in due.select_related("version").order_by("pk")]
    return [result for result in measured if result is not None]


def _measure(claim: Claim, *, at: datetime) -> EventResult | None:
    signals = _sent_events(claim)
    try:
        series = _series(signals, at=at)
        until = min(one.ends_at for one in series)
        start, end = claim.version.window_start, claim.version.window_end
        delivered_mw = quarter_hour_means(series, start, end)
    except TelemetryMissing as missing:
        logger.info("Claim %s is not measured yet: %s.", claim.pk, missing)
        return None
    counts = _counts(signals)
    if not counts["endpoints"]:
        return None  # cancelled before anybody was called
    prices = actual_prices(start=start, end=end, at=at)
    with transaction.atomic():
        result, _created = EventResult.objects.update_or_create(
            claim=claim,
            defaults={
                **counts,
                "planned_mw": planned_mw_of(claim.version).total_mw.tolist(),
                "delivered_mw": delivered_mw.tolist(),
                "delivered_mwh": delivered_mwh(delivered_mw),
                "rebound_mwh": rebound_mwh(series, window_end=end, until=until),
                "rebound_until": min(until, end + REBOUND_COUNTED),
                "cost_usd": _incentives_usd(signals),
                "value_usd": value_usd(delivered_mw, prices),
                "source": SOURCE,
                "measured_at": at,
            },
        )
    return result


def _sent_events(claim: Claim) -> list[Signal]:
    events = Signal.objects.filter(claim=claim, kind=Signal.Kind.EVENT, ven__simulated=True, sent_at__isnull=False)
    return list(events.select_related("planned_event__cohort").order_by("pk"))


def _series(signals: list[Signal], *, at: datetime) -> list[Telemetry]:
    """One series per event. Raises TelemetryMissing while one of them has none."""
    rows = telemetry_by_signal((signal.pk for signal in signals), at=at)
    found = []
    for signal in signals:
        series = series_of(rows.get(signal.pk, []))
        if series is None:
            raise TelemetryMissing(signal.starts_at)
        found.append(series)
    return found


def _counts(signals: list[Signal]) -> dict[str, int]:
    outcome = EndpointOutcome.Outcome
    counted: dict[str, int] = EndpointOutcome.objects.filter(signal__in=signals).aggregate(
        endpoints=Count("pk"),
        opt_outs=Count("pk", filter=Q(outcome=outcome.OPTED_OUT)),
        offline=Count("pk", filter=Q(outcome=outcome.OFFLINE)),
    )
    return counted


def _incentives_usd(signals: list[Signal]) -> float:
    """Paid to every account on what it shed while called, at its programme's rate, whatever came back later."""
    outcomes = EndpointOutcome.objects.filter(signal__in=signals).values("signal_id").order_by("signal_id")
    by_signal = {row["signal_id"]: row for row in outcomes.annotate(shed_kwh=Sum("curtailed_kwh"), called=Count("pk"))}
    paid = 0.0
    for signal in signals:
        row, cohort = by_signal.get(signal.pk), signal.planned_event.cohort
        if row is not None:
            paid += incentive_usd(
                shed_mwh=row["shed_kwh"] / KW_PER_MW,
                rate_usd_per_mwh=float(cohort.incentive_usd_per_mwh),
                call_fee_usd=float(cohort.call_fee_usd),
                called=row["called"],
            )
    return paid
