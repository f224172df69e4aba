"""Ask for a plan, change it, decide on it: one business action, one function, one transaction."""

from planning.operations.asking import (
    Change,
    RequestInvalid,
    Wish,
    check_wish,
    edit_plan,
    propose_plan,
)
from planning.operations.deciding import (
    AlreadyVoted,
    CohortCommitted,
    NothingToStop,
    OwnPlan,
    PasswordWrong,
    VoteRefused,
    abort_plan,
    approve_plan,
    expire_due,
    reject_plan,
)
from planning.operations.opening import (
    NotAwaitingVote,
    PermissionNeeded,
    PlanUnknown,
    ReasonMissing,
    StaleContent,
    TooLate,
)

__all__ = [
    "AlreadyVoted",
    "Change",
    "CohortCommitted",
    "NotAwaitingVote",
    "NothingToStop",
    "OwnPlan",
    "PasswordWrong",
    "PermissionNeeded",
    "PlanUnknown",
    "ReasonMissing",
    "RequestInvalid",
    "StaleContent",
    "TooLate",
    "VoteRefused",
    "Wish",
    "abort_plan",
    "approve_plan",
    "check_wish",
    "edit_plan",
    "expire_due",
    "propose_plan",
    "reject_plan",
]
