"""People and a plan that waits for its votes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from cohorts.models import Cohort
from planning.models import Plan
from portal.models import User
from tests.keys import Keyring
from tests.planning import builders


@pytest.fixture
def operator(db: None) -> User:
    """Asks for the plans of these tests."""
    return builders.person("olivia", "operator")


@pytest.fixture
def operator2(db: None) -> User:
    return builders.person("omar", "operator", password="omar")


@pytest.fixture
def omar(operator2: User) -> User:
    """An operator with a password."""
    return operator2


@pytest.fixture
def oda(db: None) -> User:
    return builders.person("oda", "operator", password="oda")


@pytest.fixture
def sybil(db: None) -> User:
    """A supervisor with a password."""
    return builders.person("sybil", "supervisor", password="sybil")


@pytest.fixture
def sven(db: None) -> User:
    return builders.person("sven", "supervisor", password="sven")


@pytest.fixture
def keys(db: None) -> Keyring:
    """Everybody's passkeys."""
    return Keyring()


@pytest.fixture
def supervisor(db: None) -> User:
    return builders.person("sam", "supervisor", is_staff=True)


@pytest.fixture
def supervisor2(db: None) -> User:
    return builders.person("sue", "supervisor", is_staff=True)


@pytest.fixture
def auditor(db: None) -> User:
    return builders.person("ada", "auditor")


@pytest.fixture
def admin_person(db: None) -> User:
    return builders.person("adam", "admin", is_staff=True)


@pytest.fixture
def pearland(db: None) -> Cohort:
    return builders.cohort()


@pytest.fixture
def plan(operator: User, pearland: Cohort) -> Plan:
    """15 MW, one vote needed, asked for by `operator`."""
    return builders.pending_plan(operator, pearland)


@pytest.fixture
def large_plan(operator: User, pearland: Cohort) -> Plan:
    """Exactly 20 MW: from here on a supervisor has to vote."""
    return builders.pending_plan(operator, pearland, largest_mw="20.000")


@pytest.fixture
def as_web(as_role: Callable[[str], AbstractContextManager[None]]) -> Iterator[None]:
    """The whole test, once its rows are made, with the rights of the web process."""
    with as_role("web"):
        yield
