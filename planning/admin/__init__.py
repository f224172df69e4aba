"""Plans in the supervisors' site: the approval queue, and the record behind it. Nothing is edited or deleted here."""

from planning.admin.plan import PlanAdmin
from planning.admin.records import (
    PlannedEventAdmin,
    PlanRefusalAdmin,
    PlanRequestAdmin,
    PlanVersionAdmin,
    TransitionAdmin,
    VoteAdmin,
)

__all__ = [
    "PlanAdmin",
    "PlanRefusalAdmin",
    "PlanRequestAdmin",
    "PlanVersionAdmin",
    "PlannedEventAdmin",
    "TransitionAdmin",
    "VoteAdmin",
]
