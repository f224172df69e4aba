"""Operating days, quarter-hours and the clock time of ERCOT, DST days included."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.core.intervals import (
    CENTRAL,
    HOUR,
    QUARTER,
    NotOnQuarterHour,
    ceil_to,
    central,
    day_ahead_known_at,
    floor_to,
    hours_of,
    local_hour,
    operating_day,
    operating_day_of,
    quarter_hours,
)

INSTANTS = st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
DAYS = st.dates(date(2018, 1, 1), date(2030, 1, 1))


class TestOperatingDay:
    @pytest.mark.parametrize(
        ("day", "hours"),
        [
            (date(2023, 3, 12), 23),
            (date(2023, 11, 5), 25),
            (date(2024, 3, 10), 23),
            (date(2024, 11, 3), 25),
            (date(2025, 3, 9), 23),
            (date(2025, 11, 2), 25),
            (date(2023, 9, 6), 24),
        ],
    )
    def test_has_23_24_or_25_hours(self, day: date, hours: int) -> None:
        assert len(hours_of(day)) == hours
        start, end = operating_day(day)
        assert end - start == hours * HOUR
        assert len(quarter_hours(start, end)) == 4 * hours

    def test_begins_at_central_midnight(self) -> None:
        assert operating_day(date(2023, 9, 6)) == (
            datetime(2023, 9, 6, 5, tzinfo=UTC),
            datetime(2023, 9, 7, 5, tzinfo=UTC),
        )

    def test_the_repeated_hour_is_there_twice(self) -> None:
        local = [hour.astimezone(CENTRAL).hour for hour in hours_of(date(2025, 11, 2))]
        assert local[:4] == [0, 1, 1, 2]

    def test_the_skipped_hour_is_not_there(self) -> None:
        local = [hour.astimezone(CENTRAL).hour for hour in hours_of(date(2023, 3, 12))]
        assert local[:4] == [0, 1, 3, 4]

    @given(INSTANTS)
    def test_every_instant_is_in_its_day(self, at: datetime) -> None:
        start, end = operating_day(operating_day_of(at))
        assert start <= at < end

    @given(DAYS)
    def test_days_follow_without_gap(self, day: date) -> None:
        assert operating_day(day)[1] == operating_day(day + timedelta(days=1))[0]


class TestQuarterHours:
    def test_half_open(self) -> None:
        start = datetime(2023, 9, 6, 21, tzinfo=UTC)
        assert quarter_hours(start, start + HOUR) == [start + i * QUARTER for i in range(4)]
        assert quarter_hours(start, start) == []

    @pytest.mark.parametrize("minute", [1, 14, 29, 59])
    def test_refuses_what_is_no_boundary(self, minute: int) -> None:
        start = datetime(2023, 9, 6, 21, tzinfo=UTC)
        with pytest.raises(NotOnQuarterHour) as refused:
            quarter_hours(start, start.replace(minute=minute))
        assert refused.value.at == start.replace(minute=minute)

    def test_answers_in_utc_whatever_it_was_asked_in(self) -> None:
        start = datetime(2023, 9, 6, 16, tzinfo=CENTRAL)
        assert quarter_hours(start, start + QUARTER) == [datetime(2023, 9, 6, 21, tzinfo=UTC)]
        assert quarter_hours(start, start + QUARTER)[0].tzinfo is UTC

    def test_across_the_repeated_hour(self) -> None:
        start, end = central(date(2023, 11, 5), time(0)), central(date(2023, 11, 5), time(3))
        assert len(quarter_hours(start, end)) == 16


class TestFloorAndCeil:
    @given(INSTANTS)
    def test_enclose_the_instant(self, at: datetime) -> None:
        low, high = floor_to(at, QUARTER), ceil_to(at, QUARTER)
        assert low <= at <= high
        assert high - low in (timedelta(), QUARTER)
        assert low.minute % 15 == 0
        assert (low.second, low.microsecond) == (0, 0)


def test_local_hour() -> None:
    assert local_hour(datetime(2023, 9, 6, 22, 15, tzinfo=UTC)) == 17.25
    assert local_hour(datetime(2023, 12, 6, 22, 15, tzinfo=UTC)) == 16.25


@pytest.mark.parametrize(
    ("day", "known_at"),
    [
        (date(2024, 8, 20), datetime(2024, 8, 19, 19, 30, tzinfo=UTC)),
        (date(2024, 12, 2), datetime(2024, 12, 1, 20, 30, tzinfo=UTC)),
        (date(2024, 11, 4), datetime(2024, 11, 3, 20, 30, tzinfo=UTC)),  # the clocks went back that morning
    ],
)
def test_day_ahead_is_known_at_half_past_two_the_day_before(day: date, known_at: datetime) -> None:
    assert day_ahead_known_at(day) == known_at
