"""What the endpoints of a cohort are told: read from the bytes that were sent, and from nothing else."""

from __future__ import annotations

import numpy as np

from dispatch.simulator.physics import Calls
from dispatch.simulator.truth import STEPS_PER_QUARTER
from planning.core.event import EventReading


def calls_of(event: EventReading, *, accounts: int) -> Calls:
    """The runs the event calls endpoints 1 to `accounts` for; a number beyond them has nobody behind it.

    The bytes name the endpoints of every quarter-hour; quarter-hours on end in which an endpoint is named are one run.
    """
    called = np.zeros((accounts + 1, len(event.intervals) + 2), dtype=np.int8)
    for step, interval in enumerate(event.intervals, start=1):
        for endpoints in interval.endpoints:
            called[endpoints.first : min(endpoints.last, accounts) + 1, step] = 1
    change = np.diff(called, axis=1)
    numbers, starts = np.nonzero(change == 1)
    _same_numbers, ends = np.nonzero(change == -1)
    return Calls(numbers, starts * STEPS_PER_QUARTER, ends * STEPS_PER_QUARTER)
