"""Every event in any order, against an independent model: `tests/planning/machine/`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from planning.core.lifecycle import Status
from tests.planning.machine.running import Running
from tests.proof_tables import table, write_table

AsRole = Callable[[str], AbstractContextManager[None]]
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
# The same examples each time, and none made smaller when one fails: `make prove` draws new ones and takes its time.
SHORT = settings(UNHURRIED, max_examples=10, stateful_step_count=25, derandomize=True, phases=[Phase.generate])
LONG = settings(UNHURRIED, max_examples=100, stateful_step_count=60)
LONGEST = 8
"""Rounds of LONG after which chance is no excuse for an event that never succeeded or a state never reached."""


NEVER_REACHED = {"DRAFT", "CHANGES_REQUESTED", "SUPERSEDED"}
"""States of the table of moves that no operation leads to."""


def run(as_role: AsRole, how: settings) -> None:
    Running.role = staticmethod(as_role)  # type: ignore[method-assign,assignment]
    run_state_machine_as_test(Running, settings=how)


def test_any_order_of_events_short(as_role: AsRole) -> None:
    run(as_role, SHORT)


@pytest.mark.prove
def test_any_order_of_events(as_role: AsRole) -> None:
    """And no event, and no state, was left out by chance."""
    Running.seen.clear()
    for _round in range(LONGEST):
        run(as_role, LONG)
        if not left_out():
            break
    assert left_out() == set()
    write_table("approval-proofs.md", "events", table(("event", "done", "refused"), map(_row, events())))


def events() -> list[str]:
    return sorted({event for event, _came in Running.seen if event != "state"})


def left_out() -> set[str]:
    """Events that never succeeded, states never reached, and states reached that should not be."""
    reached = {state for kind, state in Running.seen if kind == "state"}
    states = {state.value for state in Status} - NEVER_REACHED
    return {event for event in events() if not Running.seen[event, "done"]} | (states ^ reached)


def _row(event: str) -> tuple[str, int, str]:
    refused = {came: count for (of, came), count in Running.seen.items() if of == event and came != "done"}
    return event, Running.seen[event, "done"], ", ".join(f"{came} {count}" for came, count in sorted(refused.items()))
