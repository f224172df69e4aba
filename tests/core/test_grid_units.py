"""Conversions worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core import units


def test_power() -> None:
    assert units.mw_of_kw(2_500.0) == 2.5
    assert units.kw_of_mw(0.25) == 250.0


def test_energy_of_quarter_hours() -> None:
    assert units.mwh_of_quarter_hours(np.array([10.0, 20.0, 30.0, 40.0])) == 25.0


def test_temperature() -> None:
    assert units.temp_c_of_f(212.0) == pytest.approx(100.0)
    assert units.temp_f_of_c(-40.0) == pytest.approx(-40.0)


@given(st.floats(-1e6, 1e6))
def test_there_and_back(value: float) -> None:
    assert units.temp_f_of_c(units.temp_c_of_f(value)) == pytest.approx(value, abs=1e-6)
    assert units.kw_of_mw(units.mw_of_kw(value)) == pytest.approx(value)
    assert units.share_of_pct(units.pct_of_share(value)) == pytest.approx(value)
