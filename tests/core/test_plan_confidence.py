"""How sure: quantiles by hand where they can be, never as narrow as independent accounts would be, and calibrated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cohorts.core.response import RESPONSE_MODELS, Technology
from planning.core.confidence import assess
from planning.core.scenarios import CalledCohort, response_factors
from planning.core.solve import solve
from tests.core.fleet import THERMOSTAT, problem

INDUSTRY = RESPONSE_MODELS[Technology.INDUSTRIAL]
HOMES = RESPONSE_MODELS[Technology.THERMOSTAT]


def called(model=HOMES, accounts=5000, participation=0.8, slug="homes"):
    return CalledCohort(slug, model, accounts, participation)


class TestFactors:
    def test_mean_is_one(self):
        factors = response_factors([called(), called(INDUSTRY, 40, 0.96, "sites")], draws=100_000, seed=1)
        assert factors.mean(axis=1) == pytest.approx([1.0, 1.0], abs=0.005)

    def test_variance_by_hand(self):
        # Beta-binomial .2/.8 (1/5000 + 4999/5000/16) + curve .08^2 x 8/6 + common .05^2 + account spread .6^2/4000.
        beta = 0.2 / 0.8 * (1 / 5000 + (4999 / 5000) / 16)
        by_hand = beta + 0.08**2 * 8 / 6 + 0.05**2 + 0.6**2 / 4000
        factor = response_factors([called()], draws=200_000, seed=2)[0]
        # The parts multiply, so the exact variance is a trifle above their sum.
        assert factor.var() == pytest.approx(by_hand, rel=0.03)

    def test_only_the_common_factor_links_cohorts(self):
        calm = replace(HOMES, common_sigma=0.0)
        linked = response_factors([called(), called(slug="others")], draws=50_000, seed=3)
        alone = response_factors([called(calm), called(calm, slug="others")], draws=50_000, seed=3)
        assert np.corrcoef(linked)[0, 1] == pytest.approx(0.05**2 / linked[0].var(), abs=0.02)
        assert np.corrcoef(alone)[0, 1] == pytest.approx(0.0, abs=0.02)

    def test_another_cohort_leaves_ones_draws_alone(self):
        alone = response_factors([called()], draws=100, seed=4)
        both = response_factors([called(INDUSTRY, 40, 0.96, "sites"), called()], draws=100, seed=4)
        assert both[1] == pytest.approx(alone[0])

    def test_never_below_zero(self):
        wild = replace(HOMES, curve_sigma=1.0)
        assert response_factors([called(wild)], draws=5000, seed=5).min() >= 0.0


class TestAssess:
    def test_same_seed_same_answer(self):
        net = np.full((1, 12), 10.0)
        first, second = (assess([called()], net, window_steps=12, target_mw=9.0, seed=7) for _ in range(2))
        assert first.mean_reaches_target == second.mean_reaches_target
        assert first.p10_mw == second.p10_mw

    def test_probabilities_by_hand(self):
        # One level throughout: the window mean is 10 MW x factor, so P(mean >= T) is the share of factors >= T / 10.
        net = np.full((1, 12), 10.0)
        factors = response_factors([called()], draws=20_000, seed=7)[0]
        found = assess([called()], net, window_steps=12, target_mw=9.0, seed=7)
        assert found.mean_reaches_target == np.mean(factors >= 0.9)
        assert found.each_reaches_share == np.mean(factors >= 0.81)
        assert (found.p10_mw, found.p50_mw) == pytest.approx(tuple(10 * np.quantile(factors, (0.1, 0.5))))

    def test_rebound_has_a_band_too(self):
        net = np.concatenate([np.full(8, 10.0), np.full(8, -4.0)])[np.newaxis, :]
        band = assess([called()], net, window_steps=8, target_mw=9.0, seed=7).band
        assert np.all(band.p10_mw[8:] < band.p90_mw[8:])
        assert np.all(band.p90_mw[8:] < 0)

    def test_nobody_called(self):
        found = assess([], np.zeros((0, 5)), window_steps=3, target_mw=1.0, seed=1)
        assert (found.p50_mw, found.mean_reaches_target) == (0.0, 0.0)
        assert found.band.p50_mw == pytest.approx(np.zeros(5))

    def test_a_higher_target_is_less_sure(self):
        net = np.full((1, 12), 10.0)
        sure = [
            assess([called()], net, window_steps=12, target_mw=mw, seed=7).mean_reaches_target for mw in (8, 10, 12)
        ]
        assert sure == sorted(sure, reverse=True)


class TestNotOverconfident:
    def naive(self, cohorts, means_mw, draws=20_000):
        """Accounts independent, nothing else unknown: the predictor that must be visibly too narrow."""
        rng = np.random.default_rng(1)
        shares = [rng.binomial(each.accounts, each.participation, draws) / each.accounts for each in cohorts]
        return sum(
            mean * share / each.participation for mean, share, each in zip(means_mw, shares, cohorts, strict=True)
        )

    def test_the_naive_band_is_visibly_narrower(self):
        plan = solve(problem())
        means = [float(each.net_mw[:12].mean()) for each in plan.cohorts]
        models = {each.slug: each.model for each in problem().cohorts}
        cohorts = [CalledCohort(p.cohort_slug, models[p.cohort_slug], p.accounts_called, 0.9) for p in plan.cohorts]
        low, high = np.quantile(self.naive(cohorts, means), (0.1, 0.9))
        assert plan.p90_mw - plan.firm_p90_mw > 1.8 * (high - low)

    def test_covers_where_the_truth_is_over_dispersed(self):
        # Truth of the same family with other kappa (12..60): nine in ten events should exceed the firm MW. Naive: six.
        rng = np.random.default_rng(11)
        hits = naive_hits = 0
        events = 1500
        believed = assess([called()], np.full((1, 4), 10.0), window_steps=4, target_mw=10.0, seed=1).p10_mw
        naive = float(np.quantile(self.naive([called()], [10.0]), 0.1))
        for _ in range(events):
            kappa = rng.uniform(12, 30)
            share = rng.beta(0.8 * kappa, 0.2 * kappa)
            truth = 10.0 * rng.binomial(5000, share) / 4000 * rng.normal(1, 0.05) * rng.normal(1, 0.08)
            hits += truth >= believed
            naive_hits += truth >= naive
        assert 0.87 <= hits / events <= 0.95
        assert naive_hits / events < 0.65


def test_confidence_of_one_cohort_is_lower_than_of_many():
    alone = solve(problem(target_mw=3.0, slugs=(THERMOSTAT,)))
    assert (alone.p90_mw - alone.firm_p90_mw) / alone.planned_p50_mw > 0.2
