"""Four approvers and two editors at once at every plan, through admin, pages and API, with two dispatchers running.

At half of the plans one of the approvers rejects or aborts instead. What may never be: two authorisations of one plan,
a signal without the quorum of its content, a second claim, an edit after the authorisation, anything after the end, a
signal that an abort did not take back. Whoever comes too late is told who was first and when.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import astuple, dataclass

import pytest

from dispatch.models import Claim, Signal
from planning.models import Plan, PlanRequest, PlanVersion, Transition, Vote
from tests.conftest import CommittedDatabase
from tests.planning.crowd import Crowd
from tests.portal.entries import DESKS
from tests.proof_tables import table, write_table

FIRST = re.compile(r"\bby (\w+), \w{3} \d+ \w{3} \d{4} \d\d:\d\d C[DS]T")
STRENGTH = {"NONE": 0, "PASSWORD": 1, "PASSKEY": 2}
SUPERVISORS = {"sam", "sue", "ed", "eva"}
COLUMNS = (
    "plans",
    "authorised",
    "authorised twice",
    "claimed twice",
    "signals",
    "signals without quorum",
    "edited after the authorisation",
    "own edits approved",
    "rejected or withdrawn",
    "aborted or cancelled",
    "went on after its end",
    "sent and not taken back by the abort",
)
ACTIONS = ("approve", "edit", "reject", "abort")
STOPPED = ("ABORTING", "ABORTED", "CANCELLED")
ENDED = ("REJECTED", "WITHDRAWN", "CANCELLED", "ABORTED")


@dataclass(frozen=True)
class Found:
    """One line of the table."""

    plans: int
    authorised: int
    authorised_twice: int
    claimed_twice: int
    signals: int
    signals_without_quorum: int
    edited_after: int
    own_edits_approved: int
    refused: int
    stopped: int
    went_on: int
    not_taken_back: int


def race(plans: int) -> tuple[Found, Crowd]:
    crowd = Crowd(seed=plans)
    for number in range(plans):
        crowd.rush(crowd.plan(number))
    authorised = Counter(Transition.objects.filter(to_status="AUTHORISED").values_list("plan_id", flat=True))
    claims = Counter(Claim.objects.values_list("plan_id", flat=True))
    signals = Signal.objects.filter(kind="EVENT").select_related("version", "planned_event")
    events = Counter(signal.planned_event_id for signal in signals)
    return (
        Found(
            plans=plans,
            authorised=len(authorised),
            authorised_twice=sum(count > 1 for count in authorised.values()),
            claimed_twice=sum(count > 1 for count in (claims | events).values()),
            signals=len(signals),
            signals_without_quorum=sum(not has_quorum(signal.version) for signal in signals),
            edited_after=edited_after_the_authorisation(),
            own_edits_approved=sum(voter in askers(vote.version.plan_id) for vote, voter in approvals()),
            refused=Plan.objects.filter(status__in=("REJECTED", "WITHDRAWN")).count(),
            stopped=Plan.objects.filter(status__in=STOPPED).count(),
            went_on=went_on_after_its_end(),
            not_taken_back=sum(not_taken_back(plan_id) for plan_id in claims),
        ),
        crowd,
    )


def approvals() -> list[tuple[Vote, str]]:
    votes = Vote.objects.filter(decision="APPROVE").select_related("voter", "version")
    return [(vote, vote.voter.username) for vote in votes]


def askers(plan_id: int) -> set[str]:
    return set(PlanRequest.objects.filter(plan_id=plan_id).values_list("by__username", flat=True))


def has_quorum(version: PlanVersion) -> bool:
    """Counted anew in Python: distinct people who did not ask for it, each sure enough, a supervisor where needed."""
    mw, edited = float(version.events.get().mean_mw), version.number > 1
    two, supervisor = edited or mw > 60, edited or mw >= 20
    least = 2 if two else int(mw >= 20)
    votes = version.votes.filter(decision="APPROVE", content_hash=version.content_hash).select_related("voter")
    good = {v.voter.username for v in votes if STRENGTH[v.step_up] >= least} - askers(version.plan_id)
    return len(good) >= 1 + two and (not supervisor or bool(good & SUPERVISORS))


def edited_after_the_authorisation() -> int:
    """Requests that came after the transaction that authorised their plan."""
    moves = Transition.objects.filter(to_status="AUTHORISED")
    return sum(PlanRequest.objects.filter(plan=m.plan_id, wall_at__gt=m.wall_at).exists() for m in moves)


def went_on_after_its_end() -> int:
    """Moves of a plan that had ended."""
    ends = Transition.objects.filter(to_status__in=ENDED).values_list("plan_id", "pk")
    return sum(Transition.objects.filter(plan_id=plan, pk__gt=end).exists() for plan, end in ends)


def not_taken_back(plan_id: int) -> bool:
    """Aborted, and yet an event stands: not CANCELLED, or sent without a cancellation behind it."""
    if Plan.objects.get(pk=plan_id).status not in STOPPED:
        return False
    events = Signal.objects.filter(claim__plan=plan_id, kind="EVENT")
    cancelled = set(
        Signal.objects.filter(claim__plan=plan_id, kind="CANCEL").values_list("planned_event_id", flat=True)
    )
    return any(e.status != "CANCELLED" or (e.sent_at and e.planned_event_id not in cancelled) for e in events)


def check(found: Found, crowd: Crowd) -> None:
    assert found.authorised_twice == found.claimed_twice == found.signals_without_quorum == 0
    assert found.edited_after == found.own_edits_approved == found.went_on == found.not_taken_back == 0
    assert found.signals == Claim.objects.count()
    codes = crowd.codes()
    assert set(codes) <= {200, 202, 302, 403, 409}
    for desk, action, plan, answer in crowd.answers:
        lost = "moved on to" in answer.text or "no decision is open" in answer.text
        assert not lost or FIRST.search(answer.text), (desk.by, action, plan, answer.text)


def test_a_dozen_plans(committed_db: CommittedDatabase) -> None:
    found, crowd = race(12)
    check(found, crowd)
    assert found.authorised > 0
    assert any(not answer.done for *_who, answer in crowd.answers)


@pytest.mark.prove
def test_two_hundred_plans(committed_db: CommittedDatabase) -> None:
    found, crowd = race(200)
    check(found, crowd)
    assert crowd.won_at() == {
        (action, desk.name) for action in ("approve", "edit", "reject", "abort") for desk in DESKS
    }
    done = sum(answer.done for *_who, answer in crowd.answers)
    rows = zip((*COLUMNS, "answers", "of them done"), (*astuple(found), len(crowd.answers), done), strict=True)
    write_table("approval-proofs.md", "races", table(("of the race", "number"), rows))
