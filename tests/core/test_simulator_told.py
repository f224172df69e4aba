"""What endpoints are told is what the bytes say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.simulator.told import calls_of
from planning.core.endpoints import EndpointRange
from planning.core.event import EventInterval, EventUnreadable, read_event, render_cancel, render_event
from planning.core.strategy import Strategy

START = datetime(2023, 9, 6, 21, 0, tzinfo=UTC)


def rendered(*ranges: tuple[str, ...]) -> bytes:
    return render_event(
        program_id="program-somewhere",
        name="plan-1-v1-somewhere",
        strategy=Strategy.BALANCED,
        targets=("somewhere",),
        starts_at=START,
        intervals=[EventInterval(1.0, tuple(EndpointRange.parse(text) for text in each)) for each in ranges],
    )


def told(*ranges: tuple[str, ...], accounts: int = 10) -> list[tuple[int, int, int]]:
    calls = calls_of(read_event(rendered(*ranges)), accounts=accounts)
    return list(zip(calls.numbers.tolist(), calls.starts.tolist(), calls.ends.tolist(), strict=True))


class TestCallsOf:
    def test_quarter_hours_on_end_are_one_run(self):
        assert told(("1-2",), ("2-3",)) == [(1, 0, 3), (2, 0, 6), (3, 3, 6)]

    def test_a_pause_makes_two_runs(self):
        assert told(("4-4",), (), ("4-4",)) == [(4, 0, 3), (4, 6, 9)]

    def test_several_ranges_in_one_interval(self):
        assert told(("1-1", "9-10")) == [(1, 0, 3), (9, 0, 3), (10, 0, 3)]

    def test_nobody_stands_behind_a_number_beyond_the_cohort(self):
        assert told(("9-4000000000",), ("50-60",)) == [(9, 0, 3), (10, 0, 3)]

    def test_a_cancellation_calls_nobody(self):
        calls = calls_of(read_event(render_cancel(rendered(("1-2",)))), accounts=10)
        assert calls.numbers.tolist() == []

    def test_other_bytes_are_refused(self):
        with pytest.raises(EventUnreadable):
            read_event(b'{"intervals": []}')

    @given(st.lists(st.sets(st.integers(1, 12), max_size=12), min_size=1, max_size=8))
    def test_says_exactly_who_is_called_when(self, called):
        ranges = [tuple(f"{number}-{number}" for number in sorted(each)) for each in called]
        found = {(number, step // 3) for number, start, end in told(*ranges, accounts=12) for step in range(start, end)}
        assert found == {(number, index) for index, each in enumerate(called) for number in each}
