"""People, a cohort and a plan with its vote, ready to be dispatched."""

from __future__ import annotations

import pytest

from cohorts.models import Cohort
from planning.models import Plan
from portal.models import User
from tests import factories


@pytest.fixture
def operator(db: None) -> User:
    """Asks for the plans of these tests."""
    return factories.person("olivia", "operator")


@pytest.fixture
def supervisor(db: None) -> User:
    """Votes for them."""
    return factories.person("sam", "supervisor")


@pytest.fixture
def thermostats(db: None) -> Cohort:
    """200 thermostats in Dallas."""
    return factories.cohort()


@pytest.fixture
def calls(thermostats: Cohort) -> dict[Cohort, list[factories.Called]]:
    """Two groups of 100, one hour each."""
    return {thermostats: [factories.Called(100, 0, 4), factories.Called(100, 4, 4)]}


@pytest.fixture
def authorised(calls: dict[Cohort, list[factories.Called]], operator: User, supervisor: User) -> Plan:
    """Asked for by the operator, approved by the supervisor."""
    return factories.authorised_plan(calls, requested_by=operator, voter=supervisor)
