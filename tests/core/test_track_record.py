"""Kept against stated: hand-worked intervals, and verdicts no bolder than the events allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.track_record import Delivery, firm_record, target_record, wilson_interval


def deliveries(kept: int, of: int) -> list[Delivery]:
    """The first `kept` at 12 MW, the rest at 8, of 9 firm and 10 targeted with 7 in 10 stated."""
    return [Delivery(12.0 if i < kept else 8.0, firm_mw=9.0, target_mw=10.0, confidence=0.7) for i in range(of)]


class TestWilson:
    @pytest.mark.parametrize(
        ("kept", "of", "low", "high"),
        [
            # (0.8 + 3.8415/20 +- 1.96 sqrt(0.16/10 + 3.8415/400)) / (1 + 3.8415/10)
            (8, 10, 0.4902, 0.9433),
            (1, 1, 0.2065, 1.0),
            (0, 4, 0.0, 0.4899),
            (90, 100, 0.8256, 0.9448),
        ],
    )
    def test_worked_by_hand(self, kept: int, of: int, low: float, high: float) -> None:
        assert wilson_interval(kept, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))

    @given(st.integers(1, 500), st.data())
    def test_holds_the_share_within_0_and_1(self, of: int, data: st.DataObject) -> None:
        kept = data.draw(st.integers(0, of))
        low, high = wilson_interval(kept, of)
        assert 0.0 <= low <= kept / of + 1e-12
        assert kept / of - 1e-12 <= high <= 1.0


class TestRecords:
    def test_firm_is_stated_as_nine_in_ten(self) -> None:
        record = firm_record(deliveries(8, 10))
        assert (record.kept, record.of, record.stated, record.share) == (8, 10, 0.9, 0.8)
        assert record.verdict == "as stated"

    def test_the_target_as_the_plans_said_themselves(self) -> None:
        record = target_record(deliveries(8, 10))
        assert (record.kept, record.stated) == (8, pytest.approx(0.7))

    def test_exactly_the_firm_mw_keep_it(self) -> None:
        assert firm_record([Delivery(9.0, 9.0, 10.0, 0.5)]).kept == 1

    @pytest.mark.parametrize(
        ("kept", "of", "verdict"),
        [(9, 9, "too few"), (0, 9, "too few"), (5, 10, "less often"), (30, 40, "less often"), (38, 40, "as stated")],
    )
    def test_verdicts(self, kept: int, of: int, verdict: str) -> None:
        assert firm_record(deliveries(kept, of)).verdict == verdict

    def test_more_often(self) -> None:
        assert target_record(deliveries(40, 40)).verdict == "more often"

    def test_no_event_no_record(self) -> None:
        record = target_record([])
        assert (record.stated, record.share, record.low, record.verdict) == (None, None, None, "too few")
