"""Everything random about the fleet, drawn from a seed and from what an event *is*, never from database keys.

A draw belongs to one named stream, so that the same seed gives the same numbers whatever else was drawn before, in
whichever process and however often.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from cohorts.core.response import ResponseModel
from dispatch.simulator.truth import COMMON_SHOCK_SIGMA, TruthModel

Array = NDArray[np.float64]

# The length and temperature at which the event's opt-out share is drawn for technologies whose opt-out grows with time.
REFERENCE_MIN, REFERENCE_TEMP_F = 120.0, 100.0


@dataclass(frozen=True, slots=True)
class EventIdentity:
    """What makes an event this event: the seed of the run, the operating day, the cohort, its start."""

    seed: int
    operating_day: date
    cohort: str
    starts_at: datetime

    def lasting(self) -> str:
        """Name of what stays with the cohort as long as the seed does."""
        return f"{self.seed}|{self.cohort}"

    def of_day(self) -> str:
        """Name of what all cohorts share on the operating day."""
        return f"{self.seed}|{self.operating_day.isoformat()}"

    def of_event(self) -> str:
        """Name of what is new in this event."""
        return f"{self.of_day()}|{self.cohort}|{self.starts_at.timestamp():.0f}"


@dataclass(frozen=True, slots=True)
class EventDraws:
    """One event's truth. Per endpoint (n,): `size` relative to the mean account, `charging` and `offline` uniform,
    `patience` standard exponential (how much hazard until it opts out), `promptness` uniform (when, if at once)."""

    response_factor: float
    decay_exponent: float
    rebound_factor: float
    offline_share: float
    decline_share: float
    hazard_factor: float
    size: Array
    charging: Array
    offline: Array
    patience: Array
    promptness: Array


def generator(stream: str) -> np.random.Generator:
    """The random numbers of a named stream."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(stream.encode()).digest()[:16], "big")))


def common_shock(identity: EventIdentity) -> float:
    """The factor all cohorts share on one operating day; mean 1."""
    return _factor(generator(f"common|{identity.of_day()}"), COMMON_SHOCK_SIGMA)


def draw_event(
    identity: EventIdentity, *, model: ResponseModel, truth: TruthModel, numbers: NDArray[np.int_]
) -> EventDraws:
    """The truth of one event for the endpoints of these numbers (1, 2, 3, ...).

    An endpoint's own draws depend on its number alone, not on who else is called.
    """
    lasting = generator(f"lasting|{identity.lasting()}")
    event = generator(f"event|{identity.of_event()}")
    highest = int(numbers.max(initial=0))
    chosen = numbers - 1

    def per_endpoint(name: str, stream: str) -> np.random.Generator:
        return generator(f"{name}|{stream}")

    decline, hazard = _opting_out(event, model=model, kappa=truth.kappa)
    return EventDraws(
        response_factor=_factor(lasting, truth.lasting_sigma)
        * _factor(event, truth.event_sigma)
        * common_shock(identity),
        decay_exponent=_factor(event, truth.decay_sigma),
        rebound_factor=_factor(event, truth.rebound_sigma),
        offline_share=_share(event, mean=model.offline_share, kappa=truth.kappa),
        decline_share=decline,
        hazard_factor=hazard,
        size=np.ones(len(numbers))
        if charges_or_not(model)
        else _sizes(per_endpoint("size", identity.lasting()), highest, model.account_cv)[chosen],
        charging=per_endpoint("charging", identity.of_event()).random(highest)[chosen],
        offline=per_endpoint("offline", identity.of_event()).random(highest)[chosen],
        patience=-np.log1p(-per_endpoint("patience", identity.of_event()).random(highest))[chosen],
        promptness=per_endpoint("promptness", identity.of_event()).random(highest)[chosen],
    )


def charges_or_not(model: ResponseModel) -> bool:
    """Where the spread between accounts exceeds their mean, it is all or nothing (a car charges or it does not)."""
    return model.account_cv > 1.0


def _factor(numbers: np.random.Generator, sigma: float) -> float:
    """A log-normal factor of mean 1."""
    return float(np.exp(sigma * numbers.standard_normal() - sigma**2 / 2.0))


def _share(numbers: np.random.Generator, *, mean: float, kappa: float) -> float:
    """A beta-distributed share of the given mean; smaller `kappa` = wider."""
    return float(numbers.beta(mean * kappa, (1.0 - mean) * kappa)) if 0.0 < mean < 1.0 else mean


def _opting_out(numbers: np.random.Generator, *, model: ResponseModel, kappa: float) -> tuple[float, float]:
    """(share that declines at once, factor on the Weibull hazard); one of the two is the technology's."""
    rule = model.opt_out
    if rule.weibull_shape is None:
        return _share(numbers, mean=rule.constant_share, kappa=kappa), 0.0
    tau_min = float(np.interp(REFERENCE_TEMP_F, rule.tau_temps_f, rule.tau_min))
    hazard = (REFERENCE_MIN / tau_min) ** rule.weibull_shape
    share = min(_share(numbers, mean=1.0 - float(np.exp(-hazard)), kappa=kappa), 0.99)
    return 0.0, -float(np.log1p(-share)) / hazard


def _sizes(numbers: np.random.Generator, highest: int, cv: float) -> Array:
    """Sizes relative to the mean account, gamma with this coefficient of variation: (highest,).

    Drawn one after another, so that an endpoint keeps its size when the cohort grows.
    """
    shape = 1.0 / cv**2
    return numbers.gamma(shape, 1.0 / shape, size=highest)
