"""Replay files: what is read, what is known when, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grid.core.intervals import HOUR, hours_of, operating_day
from grid.core.records import LOAD_ZONES
from grid.feeds import ReplayFileInvalid, ReplayFileMissing, ScenarioFact, open_feed
from grid.feeds.replay import DAY_AHEAD, INSTANT, LOAD, PRICES, TEMPERATURES, ReplayFeed
from tests.grid.replay_files import COLUMNS, Row, row, rows_between, write

DAY = date(2023, 6, 20)
START, END = operating_day(DAY)


def feed_of(tmp_path: Path, rows: list[Row], facts: tuple[ScenarioFact, ...] = ()) -> ReplayFeed:
    return ReplayFeed(write(tmp_path / "replay.csv", rows), facts)


class TestWhatIsKnownWhen:
    def test_a_row_is_known_when_its_hour_has_ended(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(DAY, DAY))
        assert feed.snapshots(START, START + timedelta(minutes=59)) == []
        (first,) = feed.snapshots(START, START + HOUR)
        assert first.observed_at == START + HOUR
        assert first.system_load_mw == float(row(START)[LOAD])
        assert len(feed.snapshots(START, END)) == 24

    def test_spans_are_open_at_the_left(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(DAY, DAY))
        assert [s.observed_at for s in feed.snapshots(START + HOUR, START + 3 * HOUR)] == [
            START + 2 * HOUR,
            START + 3 * HOUR,
        ]

    def test_weather_likewise(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(DAY, DAY))
        assert feed.weather(START, START + timedelta(minutes=59)) == []
        records = feed.weather(START, START + HOUR)
        assert [r.place for r in records] == list(TEMPERATURES)
        assert records[0].temp_f == float(row(START)["temp_dallas_f"])
        assert {r.conditions for r in records} == {None}

    def test_day_ahead_is_known_from_half_past_two_of_the_day_before(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(date(2023, 6, 18), date(2023, 6, 21), day_ahead=True))
        known_at = datetime(2023, 6, 19, 19, 30, tzinfo=UTC)
        before = feed.forecast(known_at - timedelta(seconds=1))
        assert before is not None
        assert before.intervals[0].starts_at == operating_day(date(2023, 6, 19))[0]
        now = feed.forecast(known_at)
        assert now is not None
        assert (now.issued_at, now.known_at) == (known_at, known_at)
        assert [i.starts_at for i in now.intervals] == hours_of(DAY)
        assert now.intervals[0].load_mw == float(row(START, day_ahead=True)[DAY_AHEAD])

    def test_without_day_ahead_column_there_is_no_forecast(self, tmp_path: Path) -> None:
        columns = [c for c in COLUMNS if c != DAY_AHEAD]
        feed = ReplayFeed(write(tmp_path / "replay.csv", rows_between(DAY, DAY), columns))
        assert feed.forecast(END) is None
        assert feed_of(tmp_path, rows_between(DAY, DAY)).forecast(END) is None


class TestWhatIsRead:
    def test_prices_by_load_zone(self, tmp_path: Path) -> None:
        (snapshot, *_) = feed_of(tmp_path, rows_between(DAY, DAY)).snapshots(START, END)
        assert list(snapshot.prices_usd_per_mwh) == list(LOAD_ZONES)
        assert snapshot.prices_usd_per_mwh["LZ_HOUSTON"] == float(row(START)["rtm_lz_houston"])
        assert snapshot.highest_price_usd_per_mwh == float(row(START)["rtm_lz_raybn"])

    def test_blanks_are_gaps(self, tmp_path: Path) -> None:
        blank = row(START) | {PRICES["LZ_HOUSTON"]: "", "load_coast_mw": " ", "temp_austin_f": "", LOAD: ""}
        feed = feed_of(tmp_path, [blank, row(START + HOUR)])
        (snapshot,) = feed.snapshots(START, START + HOUR)
        assert snapshot.system_load_mw is None
        assert snapshot.prices_usd_per_mwh["LZ_HOUSTON"] is None
        assert "COAST" not in snapshot.zone_load_mw
        temperatures = {r.place: r.temp_f for r in feed.weather(START, START + HOUR)}
        assert temperatures["austin"] is None
        assert temperatures["dallas"] is not None

    def test_reserves_wind_and_eea_are_not_known(self, tmp_path: Path) -> None:
        (snapshot, *_) = feed_of(tmp_path, rows_between(DAY, DAY)).snapshots(START, END)
        assert (snapshot.reserves_mw, snapshot.reserves_kind) == (None, None)
        assert (snapshot.wind_mw, snapshot.solar_mw, snapshot.eea_level) == (None, None, None)

    @pytest.mark.parametrize(
        ("day", "hours"),
        [
            (date(2023, 3, 12), 23),
            (date(2023, 11, 5), 25),
            (date(2024, 3, 10), 23),
            (date(2024, 11, 3), 25),
            (date(2025, 11, 2), 25),
        ],
    )
    def test_days_of_23_and_25_hours(self, tmp_path: Path, day: date, hours: int) -> None:
        feed = feed_of(tmp_path, rows_between(day, day, day_ahead=True))
        snapshots = feed.snapshots(*operating_day(day))
        assert [s.observed_at - HOUR for s in snapshots] == hours_of(day)
        forecast = feed.forecast(operating_day(day)[0])
        assert forecast is not None
        assert len(forecast.intervals) == hours

    def test_order_of_rows_and_columns_does_not_matter(self, tmp_path: Path) -> None:
        rows = rows_between(DAY, DAY)
        plain = feed_of(tmp_path, rows).snapshots(START, END)
        path = write(tmp_path / "mixed.csv", rows[::-1], COLUMNS[::-1])
        mixed = ReplayFeed(path).snapshots(START, END)
        assert [s.system_load_mw for s in mixed] == [s.system_load_mw for s in plain]

    def test_byte_order_mark_and_windows_lines(self, tmp_path: Path) -> None:
        path = Path(write(tmp_path / "replay.csv", rows_between(DAY, DAY)))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        assert len(ReplayFeed(str(path)).snapshots(START, END)) == 24

    def test_another_content_is_another_source(self, tmp_path: Path) -> None:
        rows = rows_between(DAY, DAY)
        first = feed_of(tmp_path, rows).source
        assert first.startswith("replay:replay.csv@")
        rows[0] = rows[0] | {LOAD: "1"}
        assert feed_of(tmp_path, rows).source != first

    def test_a_changed_file_is_read_again(self, tmp_path: Path) -> None:
        path = write(tmp_path / "replay.csv", rows_between(DAY, DAY))
        first = open_feed(path)
        assert open_feed(path) is first
        write(tmp_path / "replay.csv", rows_between(DAY, DAY + timedelta(days=1)))
        assert open_feed(path).history_end == END + timedelta(days=1)


class TestFacts:
    facts = (
        ScenarioFact(START + timedelta(hours=16, minutes=55), "appeal", None),
        ScenarioFact(START + timedelta(hours=19, minutes=25), "EEA2", 2),
        ScenarioFact(START + timedelta(hours=20, minutes=37), "normal", 0),
    )

    def test_a_declaration_is_known_at_its_instant(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(DAY, DAY + timedelta(days=1)), self.facts)
        evening = feed.snapshots(START + timedelta(hours=18), START + timedelta(hours=22))
        assert [(s.observed_at - START, s.eea_level, s.system_load_mw is None) for s in evening] == [
            (timedelta(hours=19), None, False),
            (timedelta(hours=19, minutes=25), 2, True),
            (timedelta(hours=20), 2, False),
            (timedelta(hours=20, minutes=37), 0, True),
            (timedelta(hours=21), 0, False),
            (timedelta(hours=22), 0, False),
        ]

    def test_another_day_knows_nothing(self, tmp_path: Path) -> None:
        feed = feed_of(tmp_path, rows_between(DAY, DAY + timedelta(days=1)), self.facts)
        assert {s.eea_level for s in feed.snapshots(END, END + timedelta(days=1))} == {None}

    def test_facts_outside_the_file_do_not_count(self, tmp_path: Path) -> None:
        day = DAY + timedelta(days=3)
        feed = feed_of(tmp_path, rows_between(day, day), self.facts)
        assert feed.snapshots(START, END) == []


def refused(path: Path | str) -> ReplayFileInvalid:
    with pytest.raises(ReplayFileInvalid) as caught:
        ReplayFeed(str(path))
    return caught.value


class TestRefusals:
    @pytest.mark.parametrize("column", [INSTANT, LOAD, "rtm_lz_houston", "temp_dallas_f"])
    def test_missing_required_column(self, tmp_path: Path, column: str) -> None:
        path = write(tmp_path / "bad.csv", rows_between(DAY, DAY), [c for c in COLUMNS if c != column])
        error = refused(path)
        assert (error.line, error.column) == (1, column)
        assert str(error) == f"{path}, line 1, column {column}: the file lacks this required column"

    def test_duplicate_instant(self, tmp_path: Path) -> None:
        rows = rows_between(DAY, DAY)
        error = refused(write(tmp_path / "bad.csv", [*rows, rows[3]]))
        assert (error.line, error.column) == (26, INSTANT)
        assert "line 5" in error.reason

    def test_the_same_instant_in_two_spellings(self, tmp_path: Path) -> None:
        rows = rows_between(DAY, DAY)
        again = rows[0] | {INSTANT: START.isoformat().replace("+00:00", "") + "+00:00"}
        assert refused(write(tmp_path / "bad.csv", [*rows, again])).line == 26

    @pytest.mark.parametrize(
        ("column", "text", "reason"),
        [
            (LOAD, "12,5", "'12,5' is not a number"),
            (LOAD, "nan", "'nan' is not a finite number"),
            (LOAD, "1e999", "'1e999' is not a finite number"),
            (LOAD, "-3", "'-3' is negative"),
            ("rtm_lz_west", "n/a", "'n/a' is not a number"),
            ("temp_austin_f", "inf", "'inf' is not a finite number"),
            (INSTANT, "", "'' is not an instant"),
            (INSTANT, "yesterday", "'yesterday' is not an instant"),
            (INSTANT, "2023-06-20T05:00:00", "'2023-06-20T05:00:00' has no offset from UTC"),
            (INSTANT, "2023-06-20T05:15:00Z", "'2023-06-20T05:15:00Z' is not the start of an hour"),
            (INSTANT, "2023-06-31T05:00:00Z", "'2023-06-31T05:00:00Z' is not an instant"),
        ],
    )
    def test_unparseable_value(self, tmp_path: Path, column: str, text: str, reason: str) -> None:
        rows = rows_between(DAY, DAY)
        rows[9] = rows[9] | {column: text}
        error = refused(write(tmp_path / "bad.csv", rows))
        assert (error.line, error.column, error.reason) == (11, column, reason)

    def test_negative_prices_are_normal(self, tmp_path: Path) -> None:
        rows = rows_between(DAY, DAY)
        rows[0] = rows[0] | {"rtm_lz_west": "-35.5"}
        (snapshot, *_) = feed_of(tmp_path, rows).snapshots(START, END)
        assert snapshot.prices_usd_per_mwh["LZ_WEST"] == -35.5

    @pytest.mark.parametrize("change", ["short", "long", "blank"])
    def test_row_of_another_length(self, tmp_path: Path, change: str) -> None:
        path = Path(write(tmp_path / "bad.csv", rows_between(DAY, DAY)))
        lines = path.read_text().splitlines()
        lines[4] = {"short": lines[4].rsplit(",", 1)[0], "long": lines[4] + ",7", "blank": ""}[change]
        path.write_text("\n".join(lines))
        assert refused(path).line == 5

    def test_column_twice(self, tmp_path: Path) -> None:
        path = write(tmp_path / "bad.csv", rows_between(DAY, DAY), [*COLUMNS, LOAD])
        assert (refused(path).line, refused(path).column) == (1, LOAD)

    @pytest.mark.parametrize(
        ("content", "line"),
        [(b"", 1), (b"\n", 1), (b"a,b\n1,2\n", 1), (b"\xff\xfe\x00", 1), (b"hour\n\xff", 2), (b'"a\nb', 2)],
    )
    def test_not_such_a_file_at_all(self, tmp_path: Path, content: bytes, line: int) -> None:
        path = tmp_path / "bad.csv"
        path.write_bytes(content)
        assert refused(path).line == line

    def test_header_alone(self, tmp_path: Path) -> None:
        assert refused(write(tmp_path / "bad.csv", [])).reason == "the file has no rows"

    @pytest.mark.parametrize("name", ["none.csv", "."])
    def test_no_file(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ReplayFileMissing) as caught:
            open_feed(str(tmp_path / name))
        assert caught.value.path == str(tmp_path / name)


@pytest.fixture
def feed(shared_dir: Path) -> Any:
    """The reference file, read once per run."""
    return open_feed(str(shared_dir / "data" / "ercot_history" / "ercot_hourly_joined_2023_2025.csv"))


@pytest.mark.shared_data
class TestReferenceFile:
    def test_holds_every_hour_of_three_years(self, feed: ReplayFeed) -> None:
        snapshots = feed.snapshots(feed.history_start, feed.history_end)
        hourly = [s for s in snapshots if s.system_load_mw is not None]
        assert len(hourly) == 26_304
        assert hourly[-1].observed_at == operating_day(date(2025, 12, 31))[1]

    def test_the_emergency_of_september_2023(self, feed: ReplayFeed) -> None:
        start, end = operating_day(date(2023, 9, 6))
        declared = [(s.observed_at, s.eea_level) for s in feed.snapshots(start, end) if s.system_load_mw is None]
        assert declared == [
            (datetime(2023, 9, 7, 0, 25, tzinfo=UTC), 2),
            (datetime(2023, 9, 7, 1, 27, tzinfo=UTC), 1),
            (datetime(2023, 9, 7, 1, 37, tzinfo=UTC), 0),
        ]

    def test_record_day(self, feed: ReplayFeed) -> None:
        snapshots = feed.snapshots(*operating_day(date(2023, 8, 10)))
        peak = max(snapshots, key=lambda s: s.system_load_mw or 0)
        assert peak.system_load_mw == 85_464.12
        assert peak.observed_at == datetime(2023, 8, 10, 23, tzinfo=UTC)  # hour ending 18

    def test_day_ahead_from_2024_on_only(self, feed: ReplayFeed) -> None:
        assert feed.forecast(datetime(2023, 12, 1, tzinfo=UTC)) is None
        forecast = feed.forecast(datetime(2024, 8, 20, 12, tzinfo=UTC))
        assert forecast is not None
        assert max(i.load_mw for i in forecast.intervals) == pytest.approx(85_920.8)
