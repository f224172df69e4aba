"""Operating days, hours and quarter-hours of ERCOT's Central Prevailing Time, as UTC instants.

Intervals are half-open. An operating day begins at local midnight and has 23, 24 or 25 hours; stepping happens in UTC,
so the hour that is repeated in November is there twice and the one skipped in March is not there.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CENTRAL = ZoneInfo("America/Chicago")
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY_AHEAD_PUBLISHED = time(14, 30)  # Central; when ERCOT's forecast of the next operating day counts as known


class NotOnQuarterHour(ValueError):
    """An instant that is no start of a quarter-hour."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        super().__init__(f"{at.isoformat()} is not on a quarter-hour")


def central(day: date, local_time: time) -> datetime:
    """The UTC instant of a local time; of a repeated one the first."""
    return datetime.combine(day, local_time, CENTRAL).astimezone(UTC)


def operating_day(day: date) -> tuple[datetime, datetime]:
    """UTC start and end of an operating day: 23, 24 or 25 hours apart."""
    return central(day, time()), central(day + timedelta(days=1), time())


def operating_day_of(at: datetime) -> date:
    """The operating day an aware instant falls in."""
    return at.astimezone(CENTRAL).date()


def steps(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """UTC starts of the steps from `start` until before `end`."""
    first = start.astimezone(UTC)
    count = -((first - end) // step)
    return [first + i * step for i in range(count)]


def quarter_hours(start: datetime, end: datetime) -> list[datetime]:
    """UTC starts of the quarter-hours in [start, end). Raises NotOnQuarterHour when either is not a boundary."""
    for at in (start, end):
        if floor_to(at, QUARTER) != at:
            raise NotOnQuarterHour(at)
    return steps(start, end, QUARTER)


def hours_of(day: date) -> list[datetime]:
    """UTC starts of the 23, 24 or 25 hours of an operating day."""
    return steps(*operating_day(day), HOUR)


def local_hour(at: datetime) -> float:
    """Central clock time in hours: 17.25 at a quarter past five in the afternoon."""
    local = at.astimezone(CENTRAL)
    return local.hour + local.minute / 60 + (local.second + local.microsecond / 1e6) / 3600


def floor_to(at: datetime, step: timedelta) -> datetime:
    """The last UTC multiple of `step` (a divisor of an hour) not after `at`."""
    at = at.astimezone(UTC)
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour + (at - hour) // step * step


def ceil_to(at: datetime, step: timedelta) -> datetime:
    """The first UTC multiple of `step` (a divisor of an hour) not before `at`."""
    floor = floor_to(at, step)
    return floor if floor == at else floor + step


def day_ahead_known_at(day: date) -> datetime:
    """When the day-ahead forecast of an operating day counts as known: 14:30 Central of the day before."""
    return central(day - timedelta(days=1), DAY_AHEAD_PUBLISHED)
