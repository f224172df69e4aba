"""The states of a plan and the moves between them; docs/adr/0003 has the picture."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

LARGE_PLAN_MW: Final = 20.0
"""From this P50 in the largest interval on, the vote of a supervisor is needed."""


class Status(StrEnum):
    """Every state a plan can be in (interface.md)."""

    PLANNING = "PLANNING"
    FAILED = "FAILED"
    DRAFT = "DRAFT"
    PENDING = "PENDING"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    PARTIAL = "PARTIAL"
    AUTHORISED = "AUTHORISED"
    DISPATCHING = "DISPATCHING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"
    CANCELLED = "CANCELLED"
    ABORTING = "ABORTING"
    ABORTED = "ABORTED"
    DISPATCH_FAILED = "DISPATCH_FAILED"


STATUS_WORDS: Final[Mapping[Status, str]] = {
    Status.PLANNING: "being planned",
    Status.FAILED: "no plan found",
    Status.DRAFT: "draft",
    Status.PENDING: "awaits a vote",
    Status.CHANGES_REQUESTED: "changes requested",
    Status.PARTIAL: "awaits another vote",
    Status.AUTHORISED: "approved, not sent yet",
    Status.DISPATCHING: "sent, not begun",
    Status.ACTIVE: "running",
    Status.COMPLETED: "completed",
    Status.REJECTED: "rejected",
    Status.EXPIRED: "expired undecided",
    Status.SUPERSEDED: "replaced",
    Status.WITHDRAWN: "withdrawn",
    Status.CANCELLED: "cancelled before sending",
    Status.ABORTING: "being aborted",
    Status.ABORTED: "aborted",
    Status.DISPATCH_FAILED: "sending failed",
}
"""As people read them, the same on every page; docs/design-system.md defines the words."""

S = Status
AWAITING_VOTE: Final = frozenset({S.PENDING, S.PARTIAL})
RUNNING: Final = frozenset({S.DISPATCHING, S.ACTIVE, S.ABORTING})
COMMITTED: Final = frozenset({S.AUTHORISED, S.DISPATCHING, S.ACTIVE, S.COMPLETED, S.ABORTING, S.ABORTED})
TERMINAL: Final = frozenset(
    {
        S.FAILED,
        S.COMPLETED,
        S.REJECTED,
        S.EXPIRED,
        S.SUPERSEDED,
        S.WITHDRAWN,
        S.CANCELLED,
        S.ABORTED,
        S.DISPATCH_FAILED,
    }
)
LIVE: Final = frozenset(S) - TERMINAL

MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    S.PLANNING: frozenset({S.DRAFT, S.PENDING, S.FAILED, S.WITHDRAWN}),
    S.DRAFT: frozenset({S.PENDING, S.WITHDRAWN}),
    S.PENDING: frozenset(
        {S.PARTIAL, S.AUTHORISED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.WITHDRAWN, S.CHANGES_REQUESTED, S.PLANNING}
    ),
    S.CHANGES_REQUESTED: frozenset({S.PENDING, S.PLANNING, S.EXPIRED, S.WITHDRAWN}),
    S.PARTIAL: frozenset(
        {S.AUTHORISED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.WITHDRAWN, S.CHANGES_REQUESTED, S.PLANNING}
    ),
    S.AUTHORISED: frozenset({S.DISPATCHING, S.CANCELLED, S.EXPIRED, S.DISPATCH_FAILED}),
    S.DISPATCHING: frozenset({S.ACTIVE, S.ABORTING, S.DISPATCH_FAILED}),
    S.ACTIVE: frozenset({S.COMPLETED, S.ABORTING}),
    S.ABORTING: frozenset({S.ABORTED}),
} | {terminal: frozenset() for terminal in TERMINAL}


def may_move(old: Status, new: Status) -> bool:
    """Whether the table allows the move."""
    return new in MOVES[old]


def ended_with_its_run(status: Status) -> Status:
    """Where a plan that is not over goes when its scenario is begun anew: nobody is out there any more to be told."""
    if status == S.AUTHORISED:
        return S.CANCELLED
    return S.ABORTED if status in RUNNING else S.WITHDRAWN


ABORT_WORDS: Final[Mapping[Status, str]] = {
    S.WITHDRAWN: "Withdraw",
    S.CANCELLED: "Cancel",
    S.ABORTING: "Abort",
}
"""What one person's abort is called, by where it takes the plan."""


def abort_target(status: Status) -> Status | None:
    """Where one person's abort takes a plan.

    Withdrawn before the decision, cancelled before anything went out, aborting afterwards; None: nothing is left.
    """
    if status in {S.PLANNING, S.DRAFT, S.PENDING, S.CHANGES_REQUESTED, S.PARTIAL}:
        return S.WITHDRAWN
    if status == S.AUTHORISED:
        return S.CANCELLED
    if status in {S.DISPATCHING, S.ACTIVE}:
        return S.ABORTING
    return None
