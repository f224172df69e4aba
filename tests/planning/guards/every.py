"""All probes: each module enters its own."""

from __future__ import annotations

from tests.planning.guards import (
    approving,
    asking,
    assertions,
    ballots,
    claiming,
    contents,
    counting,
    enrolling,
    forcing,
    lending,
    policies,
    record,
    rights,
    signals,
    signing,
)
from tests.planning.guards.stand import PROBES

MODULES = (
    *(approving, asking, assertions, ballots, claiming, contents, counting, enrolling),
    *(forcing, lending, policies, record, rights, signals, signing),
)

__all__ = ["MODULES", "PROBES"]
