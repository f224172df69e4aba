"""What called accounts do: vectorised response by temperature, hour, time within the event; rebound; flexibility bands.

Signs: kW and MW here are load *reduced*, positive = less load; rebound is load *added*, positive = more load.
Steps are quarter-hours. `hours` are local clock hours as floats (16.25 = quarter past four, Central Prevailing Time).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.core.model import STEP_MIN, STEPS_PER_HOUR, Array, OptOut, ReboundKernel, ResponseModel
from cohorts.core.parameter_sources import PARAMETER_SOURCES
from cohorts.core.parameters import RESPONSE_MODELS
from cohorts.core.rules import DEFAULT_RULES, ProgrammeRules
from cohorts.core.technology import Technology

__all__ = [
    "DEFAULT_RULES",
    "PARAMETER_SOURCES",
    "RESPONSE_MODELS",
    "FlexibilityBand",
    "OptOut",
    "ProgrammeRules",
    "ReboundKernel",
    "ResponseModel",
    "Technology",
    "controllable_kw",
    "decay_share",
    "expected_run_kw",
    "flexibility_mw",
    "opt_out_share",
    "participation_share",
    "rebound_kw",
    "sustainable_share",
]

KW_PER_MW = 1000.0
Z90 = 1.2815515655446004


def controllable_kw(model: ResponseModel, kw_per_account: float, temps_f: Array, hours: Array) -> Array:
    """kW one participating account sheds in the first step of an event at each temperature and local hour: (n,)."""
    by_temp = np.interp(temps_f, model.temp_knots_f, model.temp_share)
    by_hour = np.asarray(model.hour_share)[np.floor(np.asarray(hours)).astype(int) % 24]
    return np.asarray(kw_per_account * model.performance_share * by_temp * by_hour, dtype=np.float64)


def decay_share(model: ResponseModel, steps: NDArray[np.int_]) -> Array:
    """Share of the first step's response left in event step 0, 1, 2, ...: (n,).

    The table gives event hours; values stand at mid-hour with straight lines between, flat before and after.
    """
    mid_hours = np.arange(len(model.decay_by_hour)) + 0.5
    elapsed_h = (np.asarray(steps) + 0.5) / STEPS_PER_HOUR
    return np.asarray(np.interp(elapsed_h, mid_hours, model.decay_by_hour), dtype=np.float64)


def opt_out_share(model: ResponseModel, steps: NDArray[np.int_], temps_f: Array) -> Array:
    """Share of accounts that have overridden by the middle of each event step: (n,), rising for Weibull models."""
    rule = model.opt_out
    if rule.weibull_shape is None:
        return np.full(np.shape(steps), rule.constant_share)
    elapsed_min = (np.asarray(steps) + 0.5) * STEP_MIN
    tau_min = np.interp(temps_f, rule.tau_temps_f, rule.tau_min)
    return np.asarray(1.0 - np.exp(-((elapsed_min / tau_min) ** rule.weibull_shape)), dtype=np.float64)


def participation_share(model: ResponseModel, steps: NDArray[np.int_], temps_f: Array) -> Array:
    """Share of called accounts online and not opted out in each event step: (n,)."""
    return (1.0 - model.offline_share) * (1.0 - opt_out_share(model, steps, temps_f))


def sustainable_share(model: ResponseModel, run_steps: int) -> float:
    """Share of full power that stored energy sustains over a run: 1 unless energy-limited (5 kW 2 h, 3.6 kW 3 h)."""
    if model.energy_h is None:
        return 1.0
    return min(1.0, model.energy_h * STEPS_PER_HOUR / run_steps)


def expected_run_kw(model: ResponseModel, kw_per_account: float, temps_f: Array, hours: Array) -> Array:
    """Expected kW per *called* account through one run covering exactly these steps, all shares applied: (n_run,)."""
    steps = np.arange(len(temps_f))
    first = controllable_kw(model, kw_per_account, temps_f, hours)
    staying = participation_share(model, steps, temps_f)
    return first * decay_share(model, steps) * staying * sustainable_share(model, len(steps))


def rebound_kw(model: ResponseModel, run_kw: Array) -> Array:
    """Extra kW per called account after a run that shed `run_kw` (n_run,): (delay + duration,), positive: more load."""
    return model.rebound.weights() * float(np.sum(run_kw))


@dataclass(frozen=True, slots=True, eq=False)
class FlexibilityBand:
    """MW quantiles per quarter-hour, ascending: `p10_mw` is exceeded nine times in ten ("firm P90"); each (n,)."""

    p10_mw: Array
    p50_mw: Array
    p90_mw: Array


def flexibility_mw(
    model: ResponseModel,
    kw_per_account: float,
    accounts: int,
    temps_f: Array,
    hours: Array,
    rules: ProgrammeRules | None = None,
) -> FlexibilityBand:
    """What the whole cohort can sustain in each quarter-hour, as a band.

    The event is taken to be as long as the steps asked for, but no longer than the programme allows, with calls
    staggered so that every stage of the event is present at once: decay and opt-out are averaged over it.
    """
    steps_asked = len(temps_f)
    longest = (rules or DEFAULT_RULES[model.technology]).max_event_min // STEP_MIN
    steps = np.arange(max(1, min(steps_asked, longest)))
    temps = np.asarray(temps_f, dtype=np.float64)
    staying = participation_share(model, steps[np.newaxis, :].repeat(steps_asked, axis=0), temps[:, np.newaxis])
    stage_mean = np.mean(staying * decay_share(model, steps)[np.newaxis, :], axis=1)
    mean_kw = controllable_kw(model, kw_per_account, temps, hours) * stage_mean * sustainable_share(model, len(steps))
    mean_mw = accounts * mean_kw / KW_PER_MW
    participation = np.mean(staying, axis=1)
    cv, skew = _relative_spread(model, accounts, participation)
    low, middle, high = (np.maximum(mean_mw * (1.0 + cv * _cornish_fisher(z, skew)), 0.0) for z in (-Z90, 0.0, Z90))
    everyone_mw = mean_mw / participation  # very small cohorts: the correction for skew must not pass full response
    return FlexibilityBand(np.minimum(low, everyone_mw), np.minimum(middle, everyone_mw), high)


def _relative_spread(model: ResponseModel, accounts: int, participation: Array) -> tuple[Array, Array]:
    """Coefficient of variation and skewness of delivered / expected: (n,) each.

    Beta-binomial participation, curve error, common factor and account spread, taken as independent; only the
    participation is skewed (towards falling short), which is why the median lies above the mean.
    """
    mu, kappa, called = participation, model.participation_kappa, max(accounts, 1)
    beta_var = mu * (1.0 - mu) * (1.0 / called + (1.0 - 1.0 / called) / (kappa + 1.0)) / mu**2
    curve_var = model.curve_sigma**2 * model.curve_df / (model.curve_df - 2.0)
    var = beta_var + curve_var + model.common_sigma**2 + model.account_cv**2 / (called * mu)
    beta_skew = 2.0 * (1.0 - 2.0 * mu) * np.sqrt(kappa + 1.0) / ((kappa + 2.0) * np.sqrt(mu * (1.0 - mu)))
    return np.sqrt(var), beta_skew * (beta_var / var) ** 1.5


def _cornish_fisher(z: float, skew: Array) -> Array:
    """Standard quantile `z` corrected for skewness (first Cornish-Fisher term): (n,)."""
    return z + (z * z - 1.0) * skew / 6.0
