"""Simulated endpoints answer what was sent to them. Runs as the worker role.

Note [ticks]
    Each tick plays every running event again from its start and writes only the five-minute steps that have ended and
    are not yet written. The play is the same each time (`dispatch.simulator`), so a tick may be late, doubled or lost.
    One lock per signal keeps two workers from writing the same steps.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from cohorts.models import Account, Cohort, Endpoint
from dispatch.measurement.delivered import REBOUND_COUNTED, STEP
from dispatch.models import CohortTelemetry, EndpointOutcome, Receipt, Signal
from dispatch.simulator.draws import Array, EventIdentity
from dispatch.simulator.physics import NEVER, EventResponse, Surroundings, simulate_event
from dispatch.simulator.told import calls_of
from dispatch.simulator.truth import SOURCE, UNKNOWN_TEMP_F
from grid.core.intervals import HOUR, floor_to, local_hour, operating_day_of
from grid.core.units import KW_PER_MW
from grid.queries import current_run, temperature_history
from planning.core.event import read_event

DECIMALS: Final = 9  # of what is stored: sums of floats differ in their last bits with the order of the ticks
LOCK_SPACE: Final = 0x5349  # advisory locks of this module
TEMPERATURE_MEMORY: Final = timedelta(days=2)
OUTCOME_COLUMNS: Final = ("signal_id", "endpoint_id", "outcome", "opted_out_at", "curtailed_kwh")


def simulate_responses(*, at: datetime, wall_at: datetime, seed: int | None = None) -> list[Signal]:
    """Let the simulated receivers take what was sent, and play their events up to `at`. Returns the events that moved.

    Writes a receipt once per signal, five-minute totals and, when an event is over, what each endpoint did.
    `seed` decides the fleet's truth (default: the setting SIMULATION_SEED).
    """
    take_signals(at=at, wall_at=wall_at)
    chosen = settings.SIMULATION_SEED if seed is None else seed
    waiting = _unfinished(at=at).values_list("pk", flat=True)
    played = [_play(pk, at=at, seed=chosen) for pk in waiting]
    return [signal for signal in played if signal is not None]


def take_signals(*, at: datetime, wall_at: datetime) -> None:
    """A receipt for every signal sent to a simulated receiver; unique, so taking it twice changes nothing."""
    new = Signal.objects.filter(run=current_run(), ven__simulated=True, sent_at__lte=at, receipt=None).order_by("pk")
    Receipt.objects.bulk_create(
        (Receipt(signal=signal, at=at, wall_at=wall_at) for signal in new), ignore_conflicts=True
    )


def _unfinished(*, at: datetime) -> QuerySet[Signal]:
    """Events that were sent, have begun, and whose last step of rebound is not written yet."""
    last_step = CohortTelemetry.objects.filter(
        signal=OuterRef("pk"), starts_at=OuterRef("version__window_end") + REBOUND_COUNTED - STEP
    )
    sent = Signal.objects.filter(run=current_run(), kind=Signal.Kind.EVENT, ven__simulated=True, sent_at__isnull=False)
    return sent.filter(~Exists(last_step), starts_at__lte=at - STEP).order_by("pk")


def _play(signal_id: int, *, at: datetime, seed: int) -> Signal | None:
    with transaction.atomic():
        if not _locked(signal_id):
            return None
        signal = Signal.objects.select_related("planned_event__cohort", "version").get(pk=signal_id)
        written = CohortTelemetry.objects.filter(signal=signal).count()
        ended = _steps_ended(signal, at=at)
        if ended <= written:
            return None
        released_at = _released_at(signal)
        response = _respond(signal, released_at=released_at, steps=ended, at=at, seed=seed)
        _write_steps(signal, response, start=written)
        over_at = min(signal.ends_at, released_at) if released_at else signal.ends_at
        if at >= over_at and not EndpointOutcome.objects.filter(signal=signal).exists():
            _write_outcomes(signal, response)
        return signal


def _locked(signal_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, signal_id % 2**31])
        return bool(cursor.fetchone()[0])


def _steps_ended(signal: Signal, *, at: datetime) -> int:
    """Five-minute steps from the event's start that had ended by `at`, rebound included."""
    until = min(at, signal.version.window_end + REBOUND_COUNTED)
    return (until - signal.starts_at) // STEP


def _released_at(signal: Signal) -> datetime | None:
    """When word of its cancellation went out."""
    cancel = Signal.objects.filter(planned_event=signal.planned_event_id, kind=Signal.Kind.CANCEL)
    return cancel.values_list("sent_at", flat=True).first()


def _respond(signal: Signal, *, released_at: datetime | None, steps: int, at: datetime, seed: int) -> EventResponse:
    cohort: Cohort = signal.planned_event.cohort
    sent_at = signal.sent_at
    assert sent_at is not None
    return simulate_event(
        identity=EventIdentity(seed, operating_day_of(signal.starts_at), cohort.slug, signal.starts_at),
        model=cohort.response_model,
        kw_per_account=cohort.kw_per_account,
        calls=calls_of(read_event(bytes(signal.payload)), accounts=cohort.account_count),
        surroundings=_surroundings(cohort.weather_place, signal.starts_at, steps=steps, at=at),
        heard_step=max(0, math.ceil((sent_at - signal.starts_at) / STEP)),
        released_step=max(0, math.ceil((released_at - signal.starts_at) / STEP)) if released_at else NEVER,
        unreachable=_unreachable(cohort),
    )


def _surroundings(place: str, start: datetime, *, steps: int, at: datetime) -> Surroundings:
    """Each step at the temperature of the newest hour that had ended when it began; known later, it changes nothing."""
    history = temperature_history(place=place, start=start - TEMPERATURE_MEMORY, at=at)
    starts = [start + index * STEP for index in range(steps)]
    known = {} if history is None else dict(zip(history.starts(), _carried_on(history.values), strict=True))
    newest = max(known, default=start)
    temps_f = [known.get(min(floor_to(step, HOUR) - HOUR, newest), UNKNOWN_TEMP_F) for step in starts]
    return Surroundings(np.array(temps_f), np.array([local_hour(step) for step in starts]))


def _carried_on(values: Array) -> list[float]:
    """Where an hour is not known, the last one known before it stays: (n_hours,)."""
    carried, last = [], UNKNOWN_TEMP_F
    for value in values.tolist():
        last = last if math.isnan(value) else value
        carried.append(last)
    return carried


def _unreachable(cohort: Cohort) -> np.ndarray:
    """Numbers of endpoints that are out of contact or whose account has left since."""
    silent = list(Endpoint.objects.filter(online=False).values_list("account_id", flat=True))
    gone = Account.objects.filter(~Q(status=Account.Status.ENROLLED) | Q(pk__in=silent), cohort=cohort)
    return np.array(list(gone.values_list("number", flat=True)), dtype=np.int64)


def _write_steps(signal: Signal, response: EventResponse, *, start: int) -> None:
    CohortTelemetry.objects.bulk_create(
        CohortTelemetry(
            signal=signal,
            starts_at=signal.starts_at + step * STEP,
            curtailed_mw=round(float(response.curtailed_kw[step]) / KW_PER_MW, DECIMALS),
            responding=int(response.responding[step]),
            opt_outs=int(response.opt_outs[step]),
            offline=int(response.offline[step]),
            source=SOURCE,
        )
        for step in range(start, len(response.curtailed_kw))
    )


def _write_outcomes(signal: Signal, response: EventResponse) -> None:
    """One row per endpoint whose run had begun, by COPY: thousands of rows in well under a second."""
    pk_by_number = _endpoints_by_number(signal.planned_event.cohort_id)
    table = connection.ops.quote_name(EndpointOutcome._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(OUTCOME_COLUMNS)}) FROM STDIN") as copy:
        for row in _outcome_rows(signal, response, pk_by_number):
            copy.write_row(row)


def _endpoints_by_number(cohort_id: int) -> dict[int, int]:
    """Endpoint keys by account number, in two reads of one table each.

    A join of the two takes minutes where PostgreSQL's statistics still say that the tables are empty.
    """
    numbers = dict(Account.objects.filter(cohort_id=cohort_id).values_list("pk", "number"))
    near = Endpoint.objects.filter(account_id__gte=min(numbers, default=0), account_id__lte=max(numbers, default=0))
    return {numbers[account]: pk for account, pk in near.values_list("account_id", "pk") if account in numbers}


def _outcome_rows(
    signal: Signal, response: EventResponse, pk_by_number: dict[int, int]
) -> list[tuple[int, int, str, datetime | None, float]]:
    rows = []
    called = response.was_called
    per_endpoint = zip(
        response.numbers[called].tolist(),
        response.is_offline[called].tolist(),
        response.opted_out_step[called].tolist(),
        response.curtailed_kwh[called].tolist(),
        strict=True,
    )
    for number, offline, left_step, kwh in per_endpoint:
        if number not in pk_by_number:
            continue
        outcome, left_at = EndpointOutcome.Outcome.PARTICIPATED, None
        if offline:
            outcome = EndpointOutcome.Outcome.OFFLINE
        elif left_step < NEVER:
            outcome, left_at = EndpointOutcome.Outcome.OPTED_OUT, signal.starts_at + left_step * STEP
        rows.append((signal.pk, pk_by_number[number], outcome.value, left_at, round(kwh, DECIMALS)))
    return rows
