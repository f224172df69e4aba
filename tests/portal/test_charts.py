"""Where the charts put what they draw: hand-worked coordinates, gaps, and days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core.intervals import HOUR, QUARTER, operating_day
from portal.views.charts import (
    Band,
    Limit,
    Line,
    Picture,
    Strip,
    Window,
    draw,
    framed,
    hour_words,
    mw_bar,
    nice_step,
    nothing,
    sheets,
    spark,
)
from portal.views.charts.data import milliseconds
from portal.views.csv_answer import csv_answer

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
        assert drawn.strip_peak.text == "highest 2,350"
        assert [bar.words for bar in drawn.bars] == ["", "▲"]

    def test_now_is_marked_only_inside(self) -> None:
        assert draw(picture(now=START + HOUR)).wide.now_x is not None
        assert draw(picture(now=START - HOUR)).wide.now_x is None

    @given(st.lists(st.floats(-5e4, 9e4), min_size=2, max_size=16))
    def test_whatever_the_values_they_stay_inside(self, values: list[float]) -> None:
        points = [(START + i * QUARTER, value) for i, value in enumerate(values)]
        chart = draw(picture(lines=[Line("me", points)]))
        for drawn in (chart.wide, chart.medium, chart.narrow):
            ys = [float(corner.split(",")[1]) for corner in drawn.lines[0].d.split()]
            assert all(drawn.top - 0.1 <= y <= drawn.bottom + 0.1 for y in ys)
            assert 2 <= len(drawn.y_ticks) <= 9

    def test_means_may_be_drawn_through_the_middles_and_set_out_from_where_another_line_ends(self) -> None:
        line = Line("fc", [(START + HOUR, 10.0), (START + 2 * HOUR, 20.0)], HOUR, middles=True, lead=(START, 0.0))
        drawn = draw(picture(lines=[line])).wide
        hour = (drawn.right - drawn.left) / 4
        xs = [drawn.left, drawn.left + 1.5 * hour, drawn.left + 2.5 * hour]
        assert [float(point[1:].split(",")[0]) for point in drawn.lines[0].d.split()] == pytest.approx(xs, abs=0.06)

    def test_delivered_values_have_a_dot_in_the_middle_of_their_interval(self) -> None:
        drawn = draw(picture(lines=[Line("del", [(START, 4.0), (START + HOUR, None)], HOUR)], from_zero=True)).wide
        middle = drawn.left + (drawn.right - drawn.left) / 8
        [path] = drawn.dots
        assert (path.kind, path.d) == ("del", f"M{middle:.1f},{drawn.top:.1f}h0")

    def test_a_limit_is_drawn_where_it_binds(self) -> None:
        binding = Limit(5.0, "target 5 MW", "aim", START + HOUR, START + 2 * HOUR)
        drawn = draw(picture(lines=[Line("me", [(START, 0.0), (START + HOUR, 10.0)])], limits=[binding])).wide
        hour = (drawn.right - drawn.left) / 4
        [level] = drawn.limits
        assert (level.left, level.right) == (drawn.left + hour, drawn.left + 2 * hour)
        assert (level.y, level.words) == ((drawn.top + drawn.bottom) / 2, "target 5 MW")

    def test_where_there_is_little_room_a_limits_words_are_left_to_the_legend(self) -> None:
        chart = draw(picture(limits=[Limit(5.0, "watch from 5 MW"), Limit(3.0, "target 3 MW", "aim")]))
        said = [[level.words for level in drawn.limits] for drawn in (chart.wide, chart.medium, chart.narrow)]
        assert said == [["watch from 5 MW", "target 3 MW"], ["", "target 3 MW"], ["", "target 3 MW"]]

    def test_small_steps_keep_their_decimals(self) -> None:
        drawn = draw(picture(lines=[Line("me", [(START, 0.0), (START + HOUR, 0.2)])])).wide
        assert [tick.text for tick in drawn.y_ticks] == ["0.00", "0.05", "0.10", "0.15", "0.20"]


class TestHourWords:
    @pytest.mark.parametrize(
        ("utc", "words"),
        [
            ("2026-08-12T22:00", "17:00"),
            ("2026-08-13T05:00", "Thu 13"),
            ("2026-11-01T06:00", "01:00 CDT"),
            ("2026-11-01T07:00", "01:00 CST"),
            ("2026-11-01T08:00", "02:00"),
            ("2026-03-08T07:00", "01:00"),
            ("2026-03-08T08:00", "03:00"),
        ],
    )
    def test_names_the_zone_of_the_hour_that_is_there_twice(self, utc: str, words: str) -> None:
        assert hour_words(datetime.fromisoformat(f"{utc}+00:00")) == words


class TestFrame:
    FORECAST = Line("fc", [(START, 9000.0), (START + HOUR, None)], HOUR, name="Load forecast", gap="not yet")
    BAND = Band([(START, 8000.0, 9500.0), (START + HOUR, None, None)], HOUR, name="Load forecast")
    MEASURED = Line("me", [(START + QUARTER, 8500.25)], name="Load measured")
    PRICES = Strip([(START, 50.0), (START + HOUR, 5000.0)], HOUR, "$/MWh", 900.0, name="Expected price")

    def test_the_table_says_what_is_drawn_in_the_order_of_time(self) -> None:
        frame = framed(
            picture(lines=[self.MEASURED, self.FORECAST], bands=[self.BAND], strip=self.PRICES, value_unit="MW"),
            key="load",
            title="Load",
        )
        heads = ["Load measured", "Load forecast", "P10", "P90", "Expected price"]
        assert [column.name for column in frame.columns] == heads
        assert [column.unit for column in frame.columns] == ["MW"] * 4 + ["$/MWh"]
        assert [[cell.text for cell in row.cells] for row in frame.rows] == [
            ["", "9,000.0", "8,000.0", "9,500.0", "50"],
            ["8,500.2", "", "", "", ""],
            ["", "not yet", "not known", "not known", "5,000"],
        ]
        assert [row.at for row in frame.rows] == [START, START + QUARTER, START + HOUR]

    def test_the_cursor_stands_in_the_middle_of_an_interval_and_on_an_instant(self) -> None:
        frame = framed(picture(lines=[self.MEASURED, self.FORECAST]), key="load", title="Load")
        stands = [START + HOUR / 2, START + QUARTER, START + HOUR + HOUR / 2]
        assert [row.cursor_ms for row in frame.rows] == [milliseconds(at) for at in stands]

    def test_the_file_has_the_table_with_all_digits(self) -> None:
        frame = framed(picture(lines=[self.MEASURED, self.FORECAST]), key="load", title="Load")
        answer = csv_answer(sheets(frame)["load"]())
        assert answer.content.decode().splitlines() == [
            "from,Load measured (MW),Load forecast (MW)",
            "2026-08-12T17:00:00-05:00,,9000.0",
            "2026-08-12T17:15:00-05:00,8500.25,",
            "2026-08-12T18:00:00-05:00,,",
        ]
        assert answer["Content-Disposition"] == 'attachment; filename="load.csv"'

    def test_the_legend_names_every_look_once(self) -> None:
        windows = [
            Window(START, START + HOUR, f"plan {n}", kind) for n, kind in [(1, "proposed"), (2, "sent"), (3, "sent")]
        ]
        limits = [Limit(1.0, "watch below 1 MW"), Limit(2.0, "target 2 MW", "aim")]
        frame = framed(
            picture(
                lines=[self.MEASURED, self.FORECAST],
                bands=[self.BAND],
                windows=windows,
                limits=limits,
                strip=self.PRICES,
            ),
            key="load",
            title="Load",
        )
        assert [(item.kind, item.words) for item in frame.legend] == [
            ("me", "Load measured"),
            ("fc in-band", "Load forecast, P10 to P90"),
            ("lim", "watch below 1 MW"),
            ("aim", "target 2 MW"),
            ("win proposed", "proposed window"),
            ("win sent", "sent window"),
            ("pb", "Expected price, $/MWh (height: square root)"),
            ("pb hot", "900 $/MWh and above"),
        ]

    def test_the_script_gets_the_same_corners_and_scale(self) -> None:
        frame = framed(
            picture(lines=[self.FORECAST], bands=[self.BAND], strip=self.PRICES, scale=1000.0, unit="GW", now=START),
            key="load",
            title="Load",
        )
        start = milliseconds(START)
        hour = milliseconds(START + HOUR) - start
        assert frame.data is not None
        assert frame.data["lines"] == [
            {"kind": "fc", "points": [[start, 9000.0], [start + hour, 9000.0], [start + hour, None]], "dots": []}
        ]
        assert frame.data["bands"] == [
            [[start, 8000.0, 9500.0], [start + hour, 8000.0, 9500.0], [start + hour, None, None]]
        ]
        assert frame.data["strip"]["bars"] == [[start, 0.1, False], [start + hour, 1.0, True]]
        assert (frame.data["start"], frame.data["now"]) == (start, start)
        assert (frame.data["low"], frame.data["high"], frame.data["step"]) == (8000.0, 9500.0, 500.0)

    def test_nothing_to_show_says_why(self) -> None:
        frame = nothing(key="load", title="Load", words="Nothing has been read yet.")
        assert (frame.chart, frame.rows, frame.words) == (None, (), "Nothing has been read yet.")

    @given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=30), st.booleans())
    def test_every_value_stands_in_the_table_once(self, values: list[float | None], middles: bool) -> None:
        points = [(START + i * QUARTER, value) for i, value in enumerate(values)]
        frame = framed(picture(lines=[Line("me", points, QUARTER, middles=middles)]), key="load", title="Load")
        assert [row.cells[0].value for row in frame.rows] == values
        assert all(row.cursor_ms == milliseconds(row.at + QUARTER / 2) for row in frame.rows)


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
        assert spark([None, 3.0], what="Load", unit="MW") is None
        found = spark([1.0, None, 3.0], what="Load", unit="MW")
        assert found is not None
        assert (found.d, found.words) == ("M0.0,25.0 M120.0,3.0", "Load: from 1 to 3 MW, last 3 MW")

    def test_a_threshold_is_drawn_and_said_where_the_line_comes_near(self) -> None:
        near = spark([10.0, 20.0], what="Load", unit="MW", limit=22.0, limit_words="watch rule: 22 MW")
        far = spark([10.0, 20.0], what="Load", unit="MW", limit=500.0, limit_words="watch rule: 500 MW")
        assert near is not None
        assert (near.limit_y, near.words) == (3.0, "Load: from 10 to 20 MW, last 20 MW; watch rule: 22 MW")
        assert far is not None
        assert (far.limit_y, far.words) == (None, "Load: from 10 to 20 MW, last 20 MW")
        assert not near.over
        assert not far.over

    @pytest.mark.parametrize("limit", [20.0, 15.0, -500.0])
    def test_a_threshold_that_is_passed_is_said_however_far(self, limit: float) -> None:
        found = spark([10.0, 20.0], what="Load", unit="MW", limit=limit, limit_words="watch rule")
        assert found is not None
        assert (found.over, found.words) == (True, "Load: from 10 to 20 MW, last 20 MW; above the watch rule")
