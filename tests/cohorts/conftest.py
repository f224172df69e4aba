"""People and cohorts for these tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group

from cohorts.models import Cohort
from cohorts.operations import create_cohort
from portal.models import ApiToken, User

AT = datetime(2023, 9, 6, 20, 0, tzinfo=UTC)

PEARLAND: dict[str, Any] = {
    "name": "Residential Pearland",
    "segment": "RESIDENTIAL",
    "zip_code": "77581",
    "load_zone": "LZ_HOUSTON",
    "enrolled_mw": Decimal("1.5"),
    "account_count": 500,
}


def make_person(username: str, role: str | None) -> User:
    """A person in one role (or none); supervisors are staff."""
    person = User.objects.create(username=username, is_staff=role == "supervisor")
    if role:
        person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def operator(db: None) -> User:
    return make_person("olivia", "operator")


@pytest.fixture
def supervisor(db: None) -> User:
    return make_person("sam", "supervisor")


@pytest.fixture
def auditor(db: None) -> User:
    return make_person("ada", "auditor")


@pytest.fixture
def pearland(operator: User) -> Cohort:
    """A thermostat cohort of 500 accounts, 1.5 MW."""
    return create_cohort(by=operator, at=AT, **PEARLAND)


@pytest.fixture
def key_of() -> Callable[[User], str]:
    """A fresh API token of a person."""

    def issue(person: User) -> str:
        key = ApiToken.new_key()
        ApiToken.objects.create(user=person, digest=ApiToken.digest_of(key))
        return key

    return issue
