"""What approval means, said once more in plain Python, without PostgreSQL: the twin the state machine is held against.

Nothing here is imported from planning: roles, tiers, four eyes and clocks are written down anew from the product's
description. Each `…_objections` gives the names of all refusals that would be right; an empty set means it succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

VOTERS = {"propose", "edit", "approve", "reject", "abort", "freeze", "delegate"}
RIGHTS = {
    "operator": VOTERS,
    "supervisor": VOTERS | {"large", "lift", "force", "review"},
    "auditor": set(),
    "admin": set(),
}
UNDECIDED = {"PENDING", "PARTIAL"}
ENDED = {
    "FAILED", "COMPLETED", "REJECTED", "EXPIRED", "SUPERSEDED", "WITHDRAWN", "CANCELLED", "ABORTED", "DISPATCH_FAILED",
}  # fmt: skip
NOTICE = timedelta(minutes=30)
TO_SEND = timedelta(minutes=5)
FORCED_AT_MOST_MW = 60.0
WRONG_KEYS = {"another's passkey", "passkey for something else", "spent passkey"}


@dataclass
class Human:
    """A person; `roles` and `active` change while the machine runs."""

    name: str
    roles: set[str]
    active: bool = True
    superuser: bool = False

    def may(self, right: str) -> bool:
        return self.active and any(right in RIGHTS[role] for role in self.roles)

    @property
    def apart(self) -> bool:
        """Who administers or audits."""
        return self.superuser or bool(self.roles & {"admin", "auditor"})


@dataclass
class Lent:
    """A delegation."""

    lender: Human
    to: Human
    start: datetime
    end: datetime
    most_mw: float
    ended_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass
class Ballot:
    """An approval as given."""

    by: Human
    strength: int
    reason: str
    lender: Human | None
    at: datetime


@dataclass
class Content:
    """One version."""

    number: int
    mw: float
    emergency: bool
    accounts: int
    votes: list[Ballot] = field(default_factory=list)
    blockers: list[tuple[Human, bool]] = field(default_factory=list)
    estimated: set[str] = field(default_factory=set)
    forced_by: Human | None = None
    reviewed: bool = False
    review_due: bool = False


@dataclass
class Needs:
    """What a content needs: votes, of these supervisors', step-up 0 to 2, words, an own estimate first."""

    votes: int = 1
    supervisors: int = 0
    strength: int = 0
    reason: bool = False
    estimate: bool = False


@dataclass
class Proposal:
    """A plan. `asked` is everybody who asked for it or for a change, with the instant; `sent` its signals' states."""

    cohort: int
    asked: list[tuple[Human, datetime]]
    status: str = "PLANNING"
    versions: list[Content] = field(default_factory=list)
    decide_by: datetime | None = None
    send_by: datetime | None = None
    signal: str = ""
    cancelled_at: datetime | None = None

    @property
    def current(self) -> Content:
        return self.versions[-1]


@dataclass
class World:
    """Everything, and the rules about it. `accounts`: enrolled now, by cohort."""

    now: datetime
    start: datetime
    end: datetime
    accounts: list[int]
    plans: list[Proposal] = field(default_factory=list)
    lent: list[Lent] = field(default_factory=list)
    freezes: list[tuple[datetime, datetime | None, bool]] = field(default_factory=list)

    @property
    def frozen(self) -> bool:
        return any(self.is_on(freeze) for freeze in self.freezes)

    def is_on(self, freeze: tuple[datetime, datetime | None, bool]) -> bool:
        start, end, lifted = freeze
        return not lifted and start <= self.now and (end is None or self.now < end)

    @property
    def review_overdue(self) -> bool:
        contents = [content for plan in self.plans for content in plan.versions]
        return any(each.review_due and not each.reviewed for each in contents)

    def needs(self, plan: Proposal, content: Content) -> Needs:
        edited = len(plan.asked) > 1 or content.number > 1
        two = edited or content.mw > 60 or content.emergency
        return Needs(
            votes=2 if two else 1,
            supervisors=1 if two or content.mw >= 20 else 0,
            strength=2 if two else int(content.mw >= 20),
            reason=two,
            estimate=content.mw > 60 or content.emergency,
        )

    def drift(self, plan: Proposal) -> str:
        """How far the accounts have moved since the content was made: 5 % is amber, 20 % red."""
        then, now = plan.current.accounts, self.accounts[plan.cohort]
        moved = abs(now - then) / then
        return "red" if moved >= 0.2 else "amber" if moved >= 0.05 else "ok"

    def conflicted(self, who: Human, plan: Proposal) -> bool:
        """Asked for it, asked for a change, or had lent their vote to somebody who did when they did."""
        return any(
            asker is who
            or any(
                each.lender is who
                and each.to is asker
                and each.covers(at)
                and not (each.ended_at is not None and each.ended_at <= at)
                for each in self.lent
            )
            for asker, at in plan.asked
        )

    def lends(self, lender: Human, to: Human, mw: float, at: datetime) -> bool:
        return any(
            each.lender is lender and each.to is to and each.covers(at) and mw <= each.most_mw and each.ended_at is None
            for each in self.lent
        )

    def counts(self, ballot: Ballot, plan: Proposal, content: Content) -> bool:
        """Whether this vote counts today."""
        needs = self.needs(plan, content)
        lender = ballot.lender
        return (
            ballot.by.may("approve")
            and not ballot.by.apart
            and not self.conflicted(ballot.by, plan)
            and (lender is None or self._lender_counts(lender, ballot, plan, content))
            and ballot.strength >= needs.strength
            and (bool(ballot.reason) or not needs.reason)
            and (ballot.by.name in content.estimated or not needs.estimate)
        )

    def _lender_counts(self, lender: Human, ballot: Ballot, plan: Proposal, content: Content) -> bool:
        return (
            lender.may("approve")
            and not lender.apart
            and not self.conflicted(lender, plan)
            and self.lends(lender, ballot.by, content.mw, ballot.at)
        )

    def tally(self, plan: Proposal, content: Content) -> tuple[int, int]:
        """Votes that count, and how many of them are a supervisor's."""
        good = [each for each in content.votes if self.counts(each, plan, content)]
        return len(good), sum(_is_supervisors(each) for each in good)

    def has_quorum(self, plan: Proposal, content: Content) -> bool:
        votes, supervisors = self.tally(plan, content)
        needs = self.needs(plan, content)
        return votes >= needs.votes and supervisors >= needs.supervisors

    def committed_otherwise(self, plan: Proposal) -> bool:
        """Another plan, decided and not called off in time, calls the same cohort."""
        decided = {"AUTHORISED", "DISPATCHING", "ACTIVE", "COMPLETED", "ABORTING", "ABORTED"}
        return any(
            other is not plan
            and other.cohort == plan.cohort
            and other.status in decided
            and not (other.status == "ABORTED" and other.cancelled_at is not None and other.cancelled_at <= self.start)
            for other in self.plans
        )

    # What refuses

    def undecided_objections(self, plan: Proposal, by: Human, right: str, named: str) -> set[str]:
        found = set() if by.may(right) else {"PermissionNeeded"}
        if plan.status not in UNDECIDED:
            return found | {"NotAwaitingVote"}
        found |= {"StaleContent"} if named != "current" else set()
        assert plan.decide_by is not None
        return found | ({"TooLate"} if self.now >= plan.decide_by else set())

    def approve_objections(self, plan: Proposal, ballot: Ballot, named: str, proof: str) -> set[str]:
        found = self.undecided_objections(plan, ballot.by, "approve", named)
        found |= {"PasswordWrong"} if proof == "wrong password" else set()
        if not plan.versions:
            return found
        needs, content, by = self.needs(plan, plan.current), plan.current, ballot.by
        wrong = {
            "PasskeyRefused": proof in WRONG_KEYS,
            "CohortCommitted": self.committed_otherwise(plan),
            "OwnPlan": any(asker is by for asker, _at in plan.asked),
            "AlreadyVoted": any(each.by is by for each in content.votes),
            "Frozen": self.frozen,
            "BlockerOpen": any(not settled for _who, settled in content.blockers),
            "EstimateMissing": needs.estimate and by.name not in content.estimated,
            "StepUpNeeded": ballot.strength < needs.strength,
            "ReasonMissing": needs.reason and not ballot.reason,
            "DriftedTooFar": self.drift(plan) == "red",
            "DriftNeedsReason": self.drift(plan) == "amber" and not ballot.reason,
            "VoteRefused": self._vote_objection(plan, ballot),
        }
        return found | {name for name, holds in wrong.items() if holds}

    def _vote_objection(self, plan: Proposal, ballot: Ballot) -> bool:
        content, by, lender = plan.current, ballot.by, ballot.lender
        needs, (votes, supervisors) = self.needs(plan, content), self.tally(plan, content)
        twice = any(
            each.lender is by or (lender is not None and (each.by is lender or each.lender is lender))
            for each in content.votes
        )
        no_seat = self.has_quorum(plan, content) or (
            not _is_supervisors(ballot) and votes - supervisors >= needs.votes - needs.supervisors
        )
        lent_wrong = lender is not None and not self._lender_counts(lender, ballot, plan, content)
        return by.apart or self.conflicted(by, plan) or twice or no_seat or lent_wrong

    def reject_objections(self, plan: Proposal, by: Human, named: str, reason: str) -> set[str]:
        found = self.undecided_objections(plan, by, "reject", named)
        voted = bool(plan.versions) and any(each.by is by for each in plan.current.votes)
        wrong = {
            "ReasonMissing": not reason,
            "OwnPlan": any(asker is by for asker, _at in plan.asked),
            "AlreadyVoted": voted,
            "VoteRefused": by.apart or self.conflicted(by, plan),
        }
        return found | {name for name, holds in wrong.items() if holds}

    def force_objections(self, plan: Proposal, by: Human, named: str, proof: str) -> set[str]:
        found = self.undecided_objections(plan, by, "force", named)
        found |= {"PasskeyRefused"} if proof in WRONG_KEYS else set()
        too_large = bool(plan.versions) and plan.current.mw > FORCED_AT_MOST_MW
        refused = by.apart or too_large or self.review_overdue or self.frozen or proof not in {"passkey", *WRONG_KEYS}
        found |= {"CohortCommitted"} if self.committed_otherwise(plan) else set()
        return found | ({"BreakGlassRefused"} if refused else set())

    def send_objection(self, plan: Proposal) -> str:
        """Why nothing of it may go out now: `frozen`, `not approved`, or nothing."""
        if self.frozen:
            return "frozen"
        forced_by = plan.current.forced_by
        if forced_by is not None and forced_by.may("force") and not forced_by.apart:
            return ""
        return "" if self.has_quorum(plan, plan.current) else "not approved"


def _is_supervisors(ballot: Ballot) -> bool:
    return ballot.by.may("large") or (ballot.lender is not None and ballot.lender.may("large"))
