"""A paused drill that knows the grid, one cohort, somebody who asked for a plan."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from cohorts.models import Cohort
from grid.models import ProcessHeartbeat
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import person


@pytest.fixture(autouse=True)
def surroundings(db: None) -> None:
    """A paused drill at 14:00 Central that knows load, price, temperature and a forecast."""
    cache.clear()
    factories.drill()
    factories.observe_temperature()
    factories.observe_prices({hour: 40.0 + hour for hour in range(6)}, start=PROPOSED_AT - timedelta(hours=6))
    factories.forecast()
    for name in ("worker", "dispatch"):
        ProcessHeartbeat.objects.create(name=name, wall_at=timezone.now(), portal_at=PROPOSED_AT)


@pytest.fixture
def thermostats(surroundings: None) -> Cohort:
    return factories.cohort()


@pytest.fixture
def asker(surroundings: None) -> User:
    return person("olivia", "operator")


@pytest.fixture
def plan(thermostats: Cohort, asker: User) -> Plan:
    return factories.plan_of({thermostats: [factories.Called(100)]}, requested_by=asker)
