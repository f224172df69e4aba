"""Canonical JSON and the content: one text for one content, read back exactly, refused when altered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core.intervals import QUARTER
from planning.core.canonical import NotCanonical, NotReadable, canonical_json, content_hash, decimal_of, rfc3339
from planning.core.content import (
    ContentInputs,
    ForecastSource,
    GridSource,
    Proposal,
    build_content,
    content_text,
    parse_content,
)
from planning.core.drift import Basis
from planning.core.endpoints import EndpointRange, TooFewEndpoints
from planning.core.event import RENDERER_VERSION, read_event
from planning.core.explain import GridContext, explain
from planning.core.policy import DEFAULT_POLICY, PolicyInForce, parse_policy
from planning.core.problem import PlanningProblem
from planning.core.solve import solve
from planning.core.strategy import Strategy
from tests.core.fleet import EV, HVAC, INDUSTRIAL, problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


def inputs(asked: PlanningProblem, **changes: object) -> ContentInputs:
    plain = ContentInputs(
        problem=asked,
        solution=solve(asked),
        plan_number=7,
        version=2,
        proposed_at=asked.now,
        mode="REPLAY",
        policy=PolicyInForce(1, "0" * 64, parse_policy(DEFAULT_POLICY)),
        edited=False,
        grid_state="tight",
        basis=Basis(Decimal("82400.000"), None, None, Decimal("101.250"), 900),
        endpoint_numbers={each.slug: range(1, each.accounts_eligible + 1) for each in asked.cohorts},
        program_ids={each.slug: f"program-{each.cohort_id}" for each in asked.cohorts},
        rationale=("Load peaks.", "Wir prüfen alles."),
        grid=GridSource(snapshot_id=3, observed_at=asked.now, source="replay"),
        forecast=ForecastSource(vintage_id=None, issued_at=None, source="none"),
        planner_build="1a2b3c",
    )
    return replace(plain, **changes)


@pytest.fixture(scope="module")
def asked() -> PlanningProblem:
    return problem()


@pytest.fixture(scope="module")
def given_inputs(asked) -> ContentInputs:
    return inputs(asked)


@pytest.fixture(scope="module")
def proposal(given_inputs) -> Proposal:
    return build_content(given_inputs)


class TestCanonicalJson:
    def test_by_hand(self):
        value = {"b": [1, True, None], "a": "ü", "A": {"z": (), "y": "1.5"}}
        assert canonical_json(value) == '{"A":{"y":"1.5","z":[]},"a":"ü","b":[1,true,null]}'

    def test_hash_by_hand(self):
        # sha256 of the two bytes C3 BC.
        assert content_hash("ü") == hashlib.sha256(b"\xc3\xbc").hexdigest()

    @pytest.mark.parametrize("value", [1.0, float("nan"), Decimal("1"), b"a", {1: 2}, {"a": [0.5]}, object(), {1}])
    def test_refuses_what_has_no_one_text(self, value):
        with pytest.raises(NotCanonical):
            canonical_json(value)

    def test_names_where_the_float_stands(self):
        with pytest.raises(NotCanonical) as refused:
            canonical_json({"a": [{"b": 1.5}]})
        assert refused.value.path == ".a[0].b"

    def test_refuses_a_lone_surrogate(self):
        with pytest.raises(NotCanonical):
            canonical_json({"a": "\ud800"})

    @given(JSON)
    def test_reads_back_and_is_stable(self, value):
        text = canonical_json(value)
        assert json.loads(text) == value
        assert canonical_json(json.loads(text)) == text
        assert len(content_hash(text)) == 64

    @given(st.dictionaries(st.text("abc"), st.integers(), min_size=2))
    def test_the_order_of_keys_does_not_matter(self, value):
        assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)

    @given(st.floats(-1e6, 1e6))
    def test_decimals_round_and_know_no_negative_zero(self, number):
        found = decimal_of(number)
        assert abs(float(found) - number) <= 0.0005 + 1e-9
        assert not str(found).startswith("-0.000")

    def test_instants_are_utc(self):
        assert rfc3339(datetime(2023, 9, 6, 21, 0, tzinfo=UTC)) == "2023-09-06T21:00:00Z"


class TestContent:
    def test_reads_back_exactly(self, proposal):
        assert parse_content(proposal.text) == proposal.content
        assert content_text(parse_content(proposal.text)) == proposal.text

    def test_same_inputs_same_hash(self, given_inputs, proposal, asked):
        again = build_content(replace(given_inputs, solution=solve(asked)))
        assert again.content_hash == proposal.content_hash

    def test_the_hash_is_of_the_text(self, proposal):
        assert proposal.content_hash == hashlib.sha256(proposal.text.encode()).hexdigest()

    def test_holds_no_float(self, proposal):
        def refuse(text: str) -> None:
            raise AssertionError(text)

        json.loads(proposal.text, parse_float=refuse)

    def test_says_what_was_found(self, proposal, given_inputs, asked):
        content, solution = proposal.content, given_inputs.solution
        assert content.target_mw == Decimal("45.000")
        assert content.planned_p50_mw == decimal_of(solution.planned_p50_mw)
        assert content.largest_interval_p50_mw == max(each.p50_mw for each in content.band)
        assert content.strategy is Strategy.BALANCED
        assert content.renderer_version == RENDERER_VERSION
        assert len(content.band) == asked.n_steps
        assert len(content.window_band) == asked.window_steps
        assert content.accounts_called == solution.accounts_called

    def test_payload_hashes_are_of_the_bytes(self, proposal):
        named = {each.event_name: each.payload_sha256 for each in proposal.content.payloads}
        assert named == {each.event_name: hashlib.sha256(each.payload).hexdigest() for each in proposal.events}
        assert [each.cohort for each in proposal.content.payloads] == [each.slug for each in proposal.content.cohorts]

    def test_the_event_says_what_the_content_says(self, proposal):
        for event in proposal.events:
            cohort, reading = proposal.content.cohort(event.cohort_slug), read_event(event.payload)
            assert (reading.starts_at, reading.ends_at) == (cohort.starts_at, cohort.ends_at)
            shed = {each.starts_at: float(each.shed_mw) for each in cohort.intervals}
            for step, interval in enumerate(reading.intervals):
                assert interval.shed_kw / 1000 == pytest.approx(shed[reading.starts_at + step * QUARTER], abs=6e-4)

    def test_the_expected_energy_is_what_the_value_is_of(self, proposal, asked):
        assert np.ptp(asked.prices_usd_per_mwh) == 0
        price = asked.prices_usd_per_mwh[0]
        assert proposal.content.expected_mwh == pytest.approx(float(proposal.content.value_usd) / price, abs=0.01)

    def test_the_rebound_until_an_instant_grows_to_the_whole(self, proposal):
        content = proposal.content
        assert content.rebound_mwh_until(content.window_end) == 0.0
        half = content.rebound_mwh_until(content.window_end + timedelta(hours=1))
        assert 0.0 < half < float(content.rebound_mwh)
        whole = content.rebound_mwh_until(content.window_end + timedelta(hours=6))
        assert whole == pytest.approx(float(content.rebound_mwh))

    def test_runs_name_their_endpoints(self, proposal):
        for cohort in proposal.content.cohorts:
            for run in cohort.runs:
                assert sum(len(EndpointRange.parse(text)) for text in run.endpoints) == run.accounts

    def test_the_mean_of_an_event_is_over_its_own_time(self, proposal):
        event = next(each for each in proposal.events if each.cohort_slug == INDUSTRIAL)
        cohort = proposal.content.cohort(INDUSTRIAL)
        assert float(event.mean_mw) == pytest.approx(float(cohort.mean_mw), abs=0.001)  # runs the whole window, flat

    def test_a_cohort_that_is_not_called(self):
        made = build_content(inputs(problem(19, 21, target_mw=20.0)))
        assert made.content.cohort(HVAC) is None
        assert [each.cohort for each in made.content.not_called] == [HVAC]

    def test_refuses_too_few_endpoints(self, given_inputs):
        few = dict(given_inputs.endpoint_numbers) | {EV: range(1, 3)}
        with pytest.raises(TooFewEndpoints):
            build_content(replace(given_inputs, endpoint_numbers=few))

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            (lambda raw: raw.pop("target_mw"), ""),
            (lambda raw: raw.update(extra=1), ""),
            (lambda raw: raw.update(target_mw=45), ".target_mw"),
            (lambda raw: raw.update(target_mw="much"), ".target_mw"),
            (lambda raw: raw.update(strategy="boldly"), ".strategy"),
            (lambda raw: raw.update(window_start="noon"), ".window_start"),
            (lambda raw: raw.update(required_approvals=True), ".required_approvals"),
            (lambda raw: raw["cohorts"][0].update(runs={}), ".cohorts[0].runs"),
            (lambda raw: raw["cohorts"].append(None), ".cohorts[6]"),
        ],
    )
    def test_names_what_is_not_as_written(self, proposal, change, path):
        raw = json.loads(proposal.text)
        change(raw)
        with pytest.raises(NotReadable) as refused:
            parse_content(json.dumps(raw))
        assert refused.value.path == path


class TestExplain:
    CONTEXT = GridContext(
        system_load_mw=81_000.0,
        reserves_mw=3_100.0,
        reserves_kind="derived",
        eea_level=2,
        trigger="Reserves are tight.",
    )

    def said(self, asked, context=CONTEXT):
        return explain(asked, solve(asked), context)

    def test_why_now_with_numbers(self, asked):
        context = replace(
            self.CONTEXT,
            observed_at=asked.now,
            forecast_peak_mw=85_123.4,
            forecast_peak_at=asked.window_start,
        )
        assert self.said(asked, context)[:6] == (
            "Reserves are tight.",
            "Load is forecast to peak at 85,123 MW in the hour 16:00-17:00 Central on 06 Sep.",
            "Load was 81,000 MW at 12:00 Central on 06 Sep.",
            "Operating reserves are 3,100 MW (derived).",
            "ERCOT has declared Energy Emergency Alert level 2.",
            "Expected prices in the window average 300 $/MWh and reach 300 $/MWh from 16:00 Central on 06 Sep.",
        )

    def test_the_unknown_is_said_to_be_unknown(self, asked):
        said = self.said(asked, GridContext())
        assert "Operating reserves are not known." in said
        assert said[-1] == "No load forecast was known; the need itself is uncertain."

    def test_names_target_and_cohorts(self, asked):
        said = " ".join(self.said(asked))
        assert "From 16:00 to 19:00 Central on 06 Sep the target is 45.0 MW (as asked)" in said
        assert all(cohort.name in said for cohort in asked.cohorts)

    def test_a_shortfall_is_said(self):
        assert any(each.startswith("The target cannot be reached: 16") for each in self.said(problem(target_mw=80.0)))

    def test_a_chosen_target_is_said(self):
        assert any("chosen from what is firmly available" in each for each in self.said(problem(target_mw=None)))

    def test_names_what_the_plan_rests_on(self, asked):
        assert any("rests on Industrial Manufacturing Dallas" in each for each in self.said(asked))

    @pytest.mark.parametrize("strategy", list(Strategy))
    def test_every_sentence_is_one(self, strategy):
        for each in self.said(problem(17, 21, target_mw=40.0, strategy=strategy)):
            assert each.endswith(".")
            assert "nan" not in each
            assert "np." not in each
