"""How delivery can differ from what is expected: draws of the factors delivered / expected, cohort by cohort.

Model (docs/formulation.md, "Confidence"): delivered = e * sum over cohorts of F * g * expected, with F = (k/m)/mu and
k ~ BetaBinomial(m, mu kappa, (1-mu) kappa); g = 1 + curve_sigma * t(df) for the response curve, plus the independent
spread between accounts, which shrinks with their number; e ~ N(1, common_sigma), shared by the whole fleet.

Each cohort draws from its own stream, seeded by its slug: adding or reordering cohorts leaves the others' draws alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohorts.core.response import ResponseModel
from planning.core.problem import Array

COMMON_STREAM = "fleet-common-factor"


@dataclass(frozen=True, slots=True)
class CalledCohort:
    """What the draws need to know of a cohort: `accounts` called and their mean expected `participation`."""

    slug: str
    model: ResponseModel
    accounts: int
    participation: float


def response_factors(cohorts: Sequence[CalledCohort], *, draws: int, seed: int) -> Array:
    """Delivered / expected, mean about 1: (n_cohorts, draws), the common factor included, never below zero."""
    sigma = max((cohort.model.common_sigma for cohort in cohorts), default=0.0)
    common = 1.0 + sigma * _stream(seed, COMMON_STREAM).standard_normal(draws)
    own = [_cohort_factor(cohort, draws, _stream(seed, cohort.slug)) for cohort in cohorts]
    return np.maximum(np.array(own).reshape(len(cohorts), draws) * common, 0.0)


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))


def _cohort_factor(cohort: CalledCohort, draws: int, rng: np.random.Generator) -> Array:
    """Participation x response curve x account spread of one cohort: (draws,)."""
    model, mu, called = cohort.model, cohort.participation, cohort.accounts
    curve = 1.0 + model.curve_sigma * rng.standard_t(model.curve_df, draws)
    if called == 0 or not 0.0 < mu < 1.0:
        return curve
    share = rng.beta(mu * model.participation_kappa, (1.0 - mu) * model.participation_kappa, draws)
    responding = rng.binomial(called, share)
    spread = model.account_cv / np.sqrt(np.maximum(responding, 1)) * rng.standard_normal(draws)
    return np.asarray(responding / (called * mu) * (curve + spread), dtype=np.float64)
