"""People of the API tests, and a plan that waits by the portal's own clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cohorts.models import Cohort
from grid import clock
from planning.models import Plan
from portal.models import User
from tests.planning import builders
from tests.planning.builders import pending_plan


@pytest.fixture
def operator(db: None) -> User:
    return builders.person("olivia", "operator")


@pytest.fixture
def other(db: None) -> User:
    return builders.person("omar", "operator", password="omar")


@pytest.fixture
def auditor(db: None) -> User:
    return builders.person("ada", "auditor")


@pytest.fixture
def pearland(db: None) -> Cohort:
    return builders.cohort()


@pytest.fixture
def plan(operator: User, pearland: Cohort) -> Plan:
    """Waits for one vote; to be decided within half an hour of the portal's own clock."""
    return pending_plan(operator, pearland, approve_by=clock.now() + timedelta(minutes=30))
