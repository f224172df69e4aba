"""The fleet's firm MW, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorts.core.fleet import CohortBand, fleet_firm_mw
from cohorts.core.response import Z90


def band(p50_mw: float, sd_mw: float, common_sigma: float = 0.0) -> CohortBand:
    return CohortBand(p50_mw - Z90 * sd_mw, p50_mw, common_sigma)


class TestFleetFirmMw:
    def test_independent_errors_add_in_squares(self) -> None:
        # sd 3 and 4 make 5
        assert fleet_firm_mw([band(30, 3), band(40, 4)]) == pytest.approx(70 - Z90 * 5)

    def test_the_common_factor_adds_up(self) -> None:
        # common 5 % of 70 = 3.5; own variance 9 - 1.5^2 + 16 - 2^2 = 18.75; sqrt(12.25 + 18.75) = 5.5678
        assert fleet_firm_mw([band(30, 3, 0.05), band(40, 4, 0.05)]) == pytest.approx(70 - Z90 * 5.5678, abs=1e-3)

    def test_wholly_common_errors_do_not_cancel(self) -> None:
        assert fleet_firm_mw([band(30, 1.5, 0.05), band(40, 2, 0.05)]) == pytest.approx(70 - Z90 * 3.5)

    def test_none_is_nothing(self) -> None:
        assert fleet_firm_mw([]) == 0.0

    @given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 0.5)), min_size=1, max_size=8))
    def test_lies_between_the_sum_of_firm_and_the_sum_of_medians(self, items: list[tuple[float, float]]) -> None:
        bands = [band(p50, max(share, 0.05) * p50, 0.05) for p50, share in items]
        firm_mw = fleet_firm_mw(bands)
        assert max(sum(b.p10_mw for b in bands), 0.0) - 1e-6 <= firm_mw <= sum(b.p50_mw for b in bands) + 1e-6
        assert firm_mw == pytest.approx(fleet_firm_mw(bands[::-1]))
