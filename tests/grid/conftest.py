"""People, a small replay and a started clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from grid.core.intervals import operating_day
from grid.operations import start_clock
from portal.models import ApiToken, User
from tests.grid.replay_files import rows_between, write

WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = date(2023, 6, 20)  # a Tuesday


def make_person(username: str, role: str | None) -> User:
    """A person in one role, or in none."""
    person = User.objects.create(username=username)
    if role:
        person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def operator(db: None) -> User:
    return make_person("olivia", "operator")


@pytest.fixture
def auditor(db: None) -> User:
    return make_person("ada", "auditor")


@pytest.fixture
def nobody(db: None) -> User:
    return make_person("ned", None)


@pytest.fixture
def key_of() -> Callable[[User], str]:
    """A fresh API token of a person."""

    def issue(person: User) -> str:
        key = ApiToken.new_key()
        ApiToken.objects.create(user=person, digest=ApiToken.digest_of(key))
        return key

    return issue


@pytest.fixture
def replay_file(tmp_path: Path) -> str:
    """Three weeks of hours around DAY, with day-ahead forecasts."""
    return write(tmp_path / "june.csv", rows_between(date(2023, 6, 1), date(2023, 6, 22), day_ahead=True))


@pytest.fixture
def replay(replay_file: str, db: None) -> str:
    """The clock runs a replay of that file from the midnight of DAY; returns the path."""
    start_replay(replay_file)
    return replay_file


def start_replay(path: str, day: date = DAY) -> None:
    """Start a replay at the midnight of an operating day."""
    start_clock(
        mode="REPLAY",
        source=path,
        scenario_start=operating_day(day)[0],
        speed=60,
        hold_for_votes=True,
        by=None,
        wall_at=WALL,
    )
