"""The simulated endpoints: called for runs of 5-minute steps they curtail, opt out, are offline, and rebound after.

Vectorised and pure. What happens up to a step depends on nothing later than that step, so a caller may simulate again
and again as time passes and always finds the same past. Positive kW = less load than without the event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.core.parameters import EV_CHARGER_KW_PER_ENROLLED_KW
from cohorts.core.response import ResponseModel, sustainable_share
from dispatch.simulator.draws import Array, EventDraws, EventIdentity, charges_or_not, draw_event
from dispatch.simulator.truth import DECLINE_WITHIN_MIN, STEP_MIN, STEPS_PER_HOUR, STEPS_PER_QUARTER, TRUTH_MODELS

Ints = NDArray[np.int_]
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Calls:
    """Runs endpoints are called for: number, first step, step after the last; each (n_calls,).

    Steps are 5 minutes long and count from the event's start.
    """

    numbers: Ints
    starts: Ints
    ends: Ints

    def __post_init__(self) -> None:
        if not len(self.numbers) == len(self.starts) == len(self.ends):
            raise ValueError("a call needs a number, a start and an end")
        if np.any(self.starts >= self.ends) or np.any(self.starts < 0) or np.any(self.numbers < 1):
            raise ValueError("a call must end after it starts, and endpoints count from 1")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Outdoor temperature and local clock hour at the start of each step: (n_steps,) each."""

    temps_f: Array
    hours: Array


@dataclass(frozen=True, slots=True)
class EventResponse:
    """What came of an event, step by step (n_steps,) and endpoint by endpoint (n_endpoints,), numbers ascending.

    `curtailed_kw` is net of rebound; `opt_outs` and `offline` count up to the end of each step. `was_called` is False
    for whom no run had begun by the last step or before the release. `opted_out_step` is NEVER for who stayed;
    `curtailed_kwh` is what the endpoint shed, before any rebound.
    """

    curtailed_kw: Array
    rebound_kw: Array
    responding: Ints
    opt_outs: Ints
    offline: Ints
    numbers: Ints
    was_called: NDArray[np.bool_]
    is_offline: NDArray[np.bool_]
    opted_out_step: Ints
    curtailed_kwh: Array


def simulate_event(
    *,
    identity: EventIdentity,
    model: ResponseModel,
    kw_per_account: float,
    calls: Calls,
    surroundings: Surroundings,
    heard_step: int = 0,
    released_step: int = NEVER,
    unreachable: Ints | None = None,
) -> EventResponse:
    """Play one event for one cohort over all steps of `surroundings`, which may end before the event does.

    Nobody curtails before `heard_step` (when the signal arrived) or from `released_step` on (when its cancellation
    arrived). `unreachable` are endpoint numbers known to be out of contact.
    """
    numbers, who = np.unique(calls.numbers, return_inverse=True)
    draws = draw_event(identity, model=model, truth=TRUTH_MODELS[model.technology], numbers=numbers)
    offline = draws.offline < draws.offline_share
    if unreachable is not None:
        offline = offline | np.isin(numbers, unreachable)
    starts = np.maximum(calls.starts, heard_step)
    n_steps = len(surroundings.hours)
    ends = np.minimum(calls.ends, min(released_step, n_steps))
    first = _first_start(starts, ends=ends, who=who, count=len(numbers))
    opted_out = _opt_out_steps(model, draws, surroundings.temps_f, starts=starts, ends=ends, who=who)
    opted_out[offline] = NEVER
    ends = np.where(offline[who], starts, np.minimum(ends, opted_out[who]))
    shed = _shed_kw(model, draws, kw_per_account, surroundings, starts=starts, ends=ends, calls=calls, who=who)
    rebound = _rebound_kw(model, draws.rebound_factor, shed, starts=starts, ends=ends)
    return EventResponse(
        curtailed_kw=shed.sum(axis=0) - rebound,
        rebound_kw=rebound,
        responding=_responding(starts, ends, n_steps),
        opt_outs=_counted(opted_out, n_steps),
        offline=_counted(first[offline], n_steps),
        numbers=numbers,
        was_called=first < NEVER,
        is_offline=offline,
        opted_out_step=opted_out,
        curtailed_kwh=np.bincount(who, weights=shed.sum(axis=1), minlength=len(numbers)) / STEPS_PER_HOUR,
    )


def _opt_out_steps(
    model: ResponseModel, draws: EventDraws, temps_f: Array, *, starts: Ints, ends: Ints, who: Ints
) -> Ints:
    """The step from which each endpoint no longer follows, NEVER if it stays to the end: (n_endpoints,).

    Impatience adds up over an endpoint's runs, at the temperature of each step. Opting out of one run is for good.
    """
    worn = np.zeros(len(draws.patience))
    opted_out = np.full(len(draws.patience), NEVER, dtype=np.int64)
    for start in np.unique(starts):
        for end in np.unique(ends[starts == start]):
            if end <= start or start >= len(temps_f):
                continue  # nothing to follow, or a run that has not begun yet
            chosen = who[(starts == start) & (ends == end)]
            chosen = chosen[opted_out[chosen] == NEVER]
            after = _steps_to_opt_out(model, draws, temps_f[start:end], chosen=chosen, worn=worn[chosen])
            leaves = after < end - start
            opted_out[chosen[leaves]] = start + after[leaves]
            worn[chosen] += draws.hazard_factor * _hazard(model, temps_f[start:end])[-1]
    return opted_out


def _steps_to_opt_out(model: ResponseModel, draws: EventDraws, temps_f: Array, *, chosen: Ints, worn: Array) -> Ints:
    """Steps of one run after which each of the chosen leaves it, to the nearest whole step: (n_chosen,)."""
    if model.opt_out.weibull_shape is None:
        declines = draws.patience[chosen] < -np.log1p(-draws.decline_share)
        after = np.floor(draws.promptness[chosen] * DECLINE_WITHIN_MIN / STEP_MIN).astype(np.int64)
        return np.where(declines, after, NEVER)
    hazard = draws.hazard_factor * np.concatenate([[0.0], _hazard(model, temps_f)])
    left = draws.patience[chosen] - worn
    steps = np.interp(left, hazard, np.arange(len(hazard)), right=NEVER)
    return np.rint(steps).astype(np.int64)


def _hazard(model: ResponseModel, temps_f: Array) -> Array:
    """Cumulative Weibull hazard at the end of each step of a run, each step at its own temperature: (n_run,)."""
    rule = model.opt_out
    if rule.weibull_shape is None:
        return np.zeros(len(temps_f))
    tau_min = np.interp(temps_f, rule.tau_temps_f, rule.tau_min)
    edges_min = np.arange(len(temps_f) + 1) * STEP_MIN
    risen = (edges_min[1:] / tau_min) ** rule.weibull_shape - (edges_min[:-1] / tau_min) ** rule.weibull_shape
    return np.asarray(np.cumsum(risen), dtype=np.float64)


def _shed_kw(
    model: ResponseModel,
    draws: EventDraws,
    kw_per_account: float,
    surroundings: Surroundings,
    *,
    starts: Ints,
    ends: Ints,
    calls: Calls,
    who: Ints,
) -> Array:
    """kW shed in each call and step: (n_calls, n_steps), zero outside the run."""
    n_steps = len(surroundings.hours)
    step = np.arange(n_steps)
    running = (step >= starts[:, np.newaxis]) & (step < ends[:, np.newaxis])
    fading = _fading(model, n_steps) ** draws.decay_exponent
    elapsed = np.clip(step - starts[:, np.newaxis], 0, n_steps - 1)
    quarters = np.ceil((calls.ends - calls.starts) / STEPS_PER_QUARTER).astype(np.int64)
    sustained = np.array([sustainable_share(model, int(q)) for q in range(1, int(quarters.max(initial=1)) + 1)])
    level = draws.response_factor * draws.size[who] * sustained[quarters - 1]
    full_kw = _full_kw(model, draws, kw_per_account, surroundings)
    available = full_kw[who] if full_kw.ndim == 2 else full_kw
    return np.asarray(running * level[:, np.newaxis] * available * fading[elapsed], dtype=np.float64)


def _full_kw(model: ResponseModel, draws: EventDraws, kw_per_account: float, surroundings: Surroundings) -> Array:
    """kW a mean account could shed at each step (n_steps,); where it is all or nothing, each its own (n, n_steps)."""
    by_temp = np.interp(surroundings.temps_f, model.temp_knots_f, model.temp_share)
    by_hour = np.asarray(model.hour_share)[np.floor(surroundings.hours).astype(int) % 24]
    base_kw = kw_per_account * model.performance_share * by_temp
    if not charges_or_not(model):
        return np.asarray(base_kw * by_hour, dtype=np.float64)
    charging = draws.charging[:, np.newaxis] < by_hour / EV_CHARGER_KW_PER_ENROLLED_KW
    return np.asarray(base_kw * EV_CHARGER_KW_PER_ENROLLED_KW * charging, dtype=np.float64)


def _fading(model: ResponseModel, n_steps: int) -> Array:
    """Share of the first response left at mid-step of a run's step 0, 1, 2, ...: (n_steps,)."""
    mid_hours = np.arange(len(model.decay_by_hour)) + 0.5
    elapsed_h = (np.arange(n_steps) + 0.5) / STEPS_PER_HOUR
    return np.asarray(np.interp(elapsed_h, mid_hours, model.decay_by_hour), dtype=np.float64)


def _rebound_kw(model: ResponseModel, factor: float, shed: Array, *, starts: Ints, ends: Ints) -> Array:
    """Load that comes back, all endpoints together: (n_steps,), from each one's own release, opted out or run over.

    Calls released in the same step rebound alike, so they are added up first.
    """
    n_steps = shed.shape[1]
    kernel = factor * np.repeat(model.rebound.weights(), STEPS_PER_QUARTER) / STEPS_PER_QUARTER
    released = np.clip(np.maximum(starts, ends), 0, n_steps)
    shed_by_release = np.bincount(released, weights=shed.sum(axis=1), minlength=n_steps + 1)[:n_steps]
    return np.convolve(shed_by_release, kernel)[:n_steps]


def _responding(starts: Ints, ends: Ints, n_steps: int) -> Ints:
    """Endpoints curtailing in each step: (n_steps,)."""
    runs = ends > starts
    change = np.bincount(np.minimum(starts[runs], n_steps), minlength=n_steps + 1)
    change = change - np.bincount(np.minimum(ends[runs], n_steps), minlength=n_steps + 1)
    return np.cumsum(change)[:n_steps]


def _counted(steps: Ints, n_steps: int) -> Ints:
    """How many of these steps lie before the end of each step: (n_steps,)."""
    return np.cumsum(np.bincount(np.minimum(steps, n_steps), minlength=n_steps + 1))[:n_steps]


def _first_start(starts: Ints, *, ends: Ints, who: Ints, count: int) -> Ints:
    """The first step each endpoint was called in, NEVER if it was not or word came too late: (n_endpoints,)."""
    first = np.full(count, NEVER, dtype=np.int64)
    np.minimum.at(first, who, np.where(starts < ends, starts, NEVER))
    return first
