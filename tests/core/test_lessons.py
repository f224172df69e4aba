"""What a measured event teaches, on numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.measurement.lessons import CohortOutcome, Kept, Stated, lessons

STATED = Stated(planned_mw=45.0, firm_mw=41.0, high_mw=50.0, target_mw=43.0, confidence=0.9)
STEADY = CohortOutcome("Steady", planned_mw=30.0, delivered_mw=29.0, called=100, opt_outs=0, offline=0)
WEAK = CohortOutcome("Weak", planned_mw=10.0, delivered_mw=8.0, called=200, opt_outs=30, offline=5)


class TestKept:
    @pytest.mark.parametrize(
        ("delivered", "firm", "target", "within"),
        [
            (40.9, False, False, False),
            (41.0, True, False, True),
            (43.0, True, True, True),
            (50.0, True, True, True),
            (50.1, True, True, False),
        ],
    )
    def test_against_firm_target_and_band(self, delivered: float, firm: bool, target: bool, within: bool) -> None:
        kept = Kept(delivered, STATED)
        assert (kept.firm, kept.target, kept.within_band) == (firm, target, within)

    def test_share_of_the_plan(self) -> None:
        assert Kept(36.0, STATED).share_of_plan == 0.8
        assert Kept(36.0, replace(STATED, planned_mw=0.0)).share_of_plan is None


class TestLessons:
    def test_names_the_cohort_that_stood_out_and_most_opt_outs(self) -> None:
        assert lessons(Kept(44.0, STATED), [STEADY, WEAK]) == (
            "The delivery lies in the stated band (41.0 to 50.0 MW): the response model fits this day.",
            "Weak gave 8.0 MW of 10.0 planned (80 %).",
            "Most opt-outs: Weak, 30 of 200 endpoints (15.0 %).",
        )

    @pytest.mark.parametrize(
        ("delivered", "words"),
        [
            (40.0, "1.0 MW below the stated band (41.0 to 50.0 MW): one event in ten may be"),
            (52.0, "2.0 MW above the stated band (41.0 to 50.0 MW): fewer endpoints would have done."),
        ],
    )
    def test_says_how_far_outside_the_band(self, delivered: float, words: str) -> None:
        assert lessons(Kept(delivered, STATED), [STEADY])[0].startswith(words)

    def test_of_many_that_stood_out_the_two_furthest_off(self) -> None:
        far = [replace(WEAK, name=f"C{mw}", planned_mw=10.0, delivered_mw=float(mw)) for mw in (3, 14, 8, 5)]
        said = lessons(Kept(44.0, STATED), far)
        assert [line[:2] for line in said[1:-1]] == ["C3", "C5"]

    def test_nobody_left(self) -> None:
        assert lessons(Kept(44.0, STATED), [STEADY])[-1] == "Nobody opted out."
