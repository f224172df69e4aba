"""Every event in any order, against an independent model: `tests/planning/machine/`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.planning.machine.running import Running

AsRole = Callable[[str], AbstractContextManager[None]]
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
# The same examples each time, and none made smaller when one fails: `make prove` draws new ones and takes its time.
SHORT = settings(UNHURRIED, max_examples=10, stateful_step_count=25, derandomize=True, phases=[Phase.generate])
LONG = settings(UNHURRIED, max_examples=250, stateful_step_count=60)


def run(as_role: AsRole, how: settings) -> None:
    Running.role = staticmethod(as_role)  # type: ignore[method-assign,assignment]
    run_state_machine_as_test(Running, settings=how)


def test_any_order_of_events_short(as_role: AsRole) -> None:
    run(as_role, SHORT)


@pytest.mark.prove
def test_any_order_of_events(as_role: AsRole) -> None:
    run(as_role, LONG)
