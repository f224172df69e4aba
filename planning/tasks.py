"""Entry points of the worker. A task takes plain values, makes one call, and is safe to run twice."""

from __future__ import annotations

import logging

from grid import clock
from grid import tasks as feed_tasks
from planning import operations, proposal
from planning import watch as agent

log = logging.getLogger(__name__)


def solve(plan_id: int, number: int) -> None:
    """Answer request `number` of a plan."""
    at = clock.now()
    try:
        proposal.solve_request(plan_id=plan_id, number=number, at=at)
    except Exception:
        # The edge: the plan must not wait for ever for an answer that will not come; the task itself still fails.
        log.exception("plan %s, request %s could not be solved", plan_id, number)
        proposal.give_up(
            plan_id=plan_id, number=number, at=at, why="The planner failed unexpectedly; the worker's log says why."
        )
        raise


def watch() -> None:
    """Let the watch agent look at what is known by now, whether or not this minute's ingest came first."""
    feed_tasks.ingest()
    state = clock.state()
    agent.watch(at=state.at, mode=state.mode)


def expire() -> None:
    """Close what nobody decided in time, and say of the rest how much of their time has passed."""
    at = clock.now()
    operations.expire_due(at=at)
    operations.escalate_due(at=at)
