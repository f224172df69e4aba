"""Where the charts put what they draw: hand-worked coordinates, gaps, and days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core.intervals import HOUR, QUARTER, operating_day
from portal.views.charts import Band, Line, Picture, Strip, draw, mw_bar, nice_step, spark

START = datetime(2026, 8, 12, 22, tzinfo=UTC)  # 17:00 Central


def picture(**changes: object) -> Picture:
    usual = {"start": START, "end": START + 4 * HOUR, "words": "a chart", "unit": "MW"}
    return Picture(**usual | changes)  # type: ignore[arg-type]


class TestDraw:
    def test_a_line_runs_from_edge_to_edge_and_floor_to_ceiling(self) -> None:
        drawn = draw(picture(lines=[Line("me", [(START, 0.0), (START + 4 * HOUR, 50.0)])])).wide
        assert drawn.lines[0].d == f"M{drawn.left}.0,{drawn.bottom}.0 L{drawn.right}.0,{drawn.top}.0"
        assert [tick.text for tick in drawn.y_ticks] == ["0", "10", "20", "30", "40", "50"]

    def test_interval_means_are_steps(self) -> None:
        drawn = draw(picture(lines=[Line("plan", [(START, 0.0), (START + QUARTER, 10.0)], QUARTER)])).wide
        quarter = (drawn.right - drawn.left) / 16
        xs = [drawn.left, drawn.left + quarter, drawn.left + quarter, drawn.left + 2 * quarter]
        assert [float(point[1:].split(",")[0]) for point in drawn.lines[0].d.split()] == pytest.approx(xs, abs=0.06)

    def test_the_unknown_lifts_the_pen(self) -> None:
        points = [(START, 1.0), (START + HOUR, None), (START + 2 * HOUR, 3.0), (START + 3 * HOUR, 2.0)]
        assert [p[0] for p in draw(picture(lines=[Line("me", points)])).wide.lines[0].d.split()] == ["M", "M", "L"]

    def test_a_band_with_a_gap_is_two_outlines(self) -> None:
        points = [(START, 1.0, 2.0), (START + HOUR, None, None), (START + 2 * HOUR, 1.0, 3.0)]
        assert draw(picture(bands=[Band(points, QUARTER)])).wide.bands[0].d.count("Z") == 2

    def test_hours_are_central_and_the_zone_decides_where_they_fall(self) -> None:
        assert [tick.text for tick in draw(picture()).narrow.x_ticks] == ["17:00", "18:00", "19:00", "20:00", "21:00"]

    @pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-08-12", 24), ("2026-11-01", 25)])
    def test_every_day_ends_at_its_right_edge(self, day: str, hours: int) -> None:
        start, end = operating_day(datetime.fromisoformat(day).date())
        drawn = draw(picture(start=start, end=end)).wide
        assert (end - start) == hours * HOUR
        assert (drawn.x_ticks[0].at, drawn.x_ticks[-1].at) == (drawn.left, drawn.right)
        assert "12:00" in [tick.text for tick in drawn.x_ticks]

    def test_prices_under_the_chart_name_their_peak_and_mark_the_abnormal(self) -> None:
        strip = Strip([(START, 50.0), (START + HOUR, 2350.0), (START + 2 * HOUR, None)], HOUR, "$/MWh", 1000.0)
        drawn = draw(picture(lines=[Line("me", [(START, 1.0)])], strip=strip)).wide
        assert [bar.kind for bar in drawn.bars] == ["pb", "pb hot"]
        assert drawn.strip_peak is not None
        assert drawn.strip_peak.text == "2,350"

    def test_now_is_marked_only_inside(self) -> None:
        assert draw(picture(now=START + HOUR)).wide.now_x is not None
        assert draw(picture(now=START - HOUR)).wide.now_x is None

    @given(st.lists(st.floats(-5e4, 9e4), min_size=2, max_size=16))
    def test_whatever_the_values_they_stay_inside(self, values: list[float]) -> None:
        points = [(START + i * QUARTER, value) for i, value in enumerate(values)]
        for drawn in (lambda chart: (chart.wide, chart.narrow))(draw(picture(lines=[Line("me", points)]))):
            ys = [float(corner.split(",")[1]) for corner in drawn.lines[0].d.split()]
            assert all(drawn.top - 0.1 <= y <= drawn.bottom + 0.1 for y in ys)
            assert 2 <= len(drawn.y_ticks) <= 9


class TestParts:
    @pytest.mark.parametrize(("span", "step"), [(50, 10), (4, 1), (0.5, 0.1), (90_000, 20_000), (11, 5)])
    def test_nice_step(self, span: float, step: float) -> None:
        assert nice_step(span, 5) == pytest.approx(step)

    def test_a_bar_in_percent_of_its_full_width(self) -> None:
        bar = mw_bar(low=20, mark=25, high=30, most=50, ground=40, done=10)
        assert (bar.ground, bar.band_x, bar.band_width, bar.mark_x, bar.done) == (80.0, 40.0, 20.0, 49.4, 20.0)
        assert bar.words == "25.0 MW, from 20.0 to 30.0, of 50.0 MW"

    def test_a_bar_never_leaves_its_box(self) -> None:
        bar = mw_bar(low=-5, mark=80, high=90, most=50)
        assert (bar.band_x, bar.band_width, bar.mark_x) == (0.0, 100.0, 98.8)

    def test_a_trend_needs_two_values(self) -> None:
        assert spark([None, 3.0]) is None
        found = spark([1.0, None, 3.0])
        assert found is not None
        assert found.d == "M0.0,25.0 M120.0,3.0"

    def test_a_threshold_is_drawn_where_the_line_comes_near(self) -> None:
        near, far = spark([10.0, 20.0], limit=8.0), spark([10.0, 20.0], limit=-500.0)
        assert near is not None
        assert near.limit_y == 25.0
        assert far is not None
        assert far.limit_y is None
