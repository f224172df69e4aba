"""Ask, solve, change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from cohorts.models import Account
from planning import operations, proposal
from planning.core.content import content_text, parse_content
from planning.core.drift import Basis
from planning.core.lifecycle import Status
from planning.core.strategy import Strategy
from planning.models import Plan, PlannedEvent, PlanRequest, PlanVersion
from planning.record import move_plan
from tests.planning import builders
from tests.planning.builders import END, START
from tests.planning.machine.base import (
    ACCOUNTS,
    MOST_PLANS,
    Machine,
    something_is_open,
    which_content,
    which_plan,
    whoever,
    words,
)
from tests.planning.machine.model import NOTICE, TO_SEND, Content, Proposal

sizes = st.sampled_from([15, 15, 15, 20, 30, 60, 90])


class Asking(Machine):
    """Rules of the planner's side."""

    @precondition(lambda self: len(self.plans) < MOST_PLANS)
    @rule(by=whoever, cohort=st.integers(0, 1))
    def propose(self, by: str, cohort: int) -> None:
        objections = set() if self.humans[by].may("propose") else {"PermissionNeeded"}
        wish = operations.Wish("balanced", cohort_ids=(self.cohorts[cohort].pk,))
        given = {"wish": wish, "at": self.world.now, "mode": "DRILL"}
        plan = self.attempt(
            "propose", objections, lambda: operations.propose_plan(by=self.person(by), **given), recorded=False
        )
        if plan is not None:
            self.plans.append(plan)
            self.world.plans.append(Proposal(cohort, [(self.humans[by], self.world.now)]))

    @precondition(lambda self: any(twin.status == "PLANNING" for twin in self.world.plans))
    @rule(index=which_plan, mw=sizes, emergency=st.sampled_from([False, False, False, True]))
    def solve(self, index: int, mw: int, emergency: bool) -> None:
        """As the planner answers: a version while there is time to decide, else it gives up."""
        waiting = [pair for pair in zip(self.plans, self.world.plans, strict=True) if pair[1].status == "PLANNING"]
        plan, twin = waiting[index % len(waiting)]
        request = PlanRequest.objects.filter(plan=plan).latest("number")
        if self.world.now + NOTICE > START - NOTICE:
            with self.role("worker"):
                proposal.give_up(plan_id=plan.pk, number=request.number, at=self.world.now, why="too late")
            twin.status = "PENDING" if twin.versions else "FAILED"
            return
        accounts = self.world.accounts[twin.cohort]
        twin.versions.append(Content(len(twin.versions) + 1, float(mw), emergency, accounts))
        twin.send_by, twin.status = START - NOTICE, "PENDING"
        twin.decide_by = twin.send_by - TO_SEND
        with self.role("worker"):
            self._write_version(Plan.objects.get(pk=plan.pk), request, twin)

    def _write_version(self, plan: Plan, request: PlanRequest, twin: Proposal) -> None:
        """The rows `planning.proposal` writes."""
        cohort, want = self.cohorts[twin.cohort], builders.Wanted(largest_mw=f"{twin.current.mw:.3f}")
        name = builders.event_name_of(plan, request, cohort)
        payload = f'{{"eventName":"{name}"}}'.encode()
        text = builders.content_of(plan, request, cohort, want, builders.sha256(payload))
        strategy = Strategy.EMERGENCY if twin.current.emergency else Strategy.BALANCED
        basis = Basis(None, None, None, None, twin.current.accounts)
        text = content_text(replace(parse_content(text), strategy=strategy, basis=basis))
        at = {"window_start": START, "window_end": END, "proposed_at": self.world.now}
        named = {"content": text, "content_hash": builders.sha256(text.encode())}
        version = PlanVersion.objects.create(plan=plan, number=twin.current.number, request=request, **named, **at)
        PlannedEvent.objects.create(
            version=version,
            cohort=cohort,
            event_name=name,
            payload=payload,
            payload_sha256=builders.sha256(payload),
            starts_at=START,
            ends_at=END,
            mean_mw=Decimal(want.largest_mw),
            endpoints=100,
        )
        changes = {"current_version": version, "approve_by": twin.decide_by, "dispatch_by": twin.send_by}
        move_plan(plan=plan, to=Status.PENDING, at=self.world.now, actor="planner", **changes)

    @precondition(something_is_open)
    @rule(index=which_plan, by=whoever, which=which_content, reason=words)
    def edit(self, index: int, by: str, which: str, reason: str) -> None:
        plan, twin = self.open_pair(index)
        content_hash, named = self.named(plan, which)
        objections = self.world.undecided_objections(twin, self.humans[by], "edit", named)
        objections |= set() if reason else {"ReasonMissing"}
        given = {"plan_id": plan.pk, "content_hash": content_hash, "change": operations.Change(), "reason": reason}
        if self.attempt(
            "edit", objections, lambda: operations.edit_plan(by=self.person(by), at=self.world.now, **given)
        ):
            twin.status = "PLANNING"
            twin.asked.append((self.humans[by], self.world.now))

    @rule(cohort=st.integers(0, 1), left=st.sampled_from([ACCOUNTS, ACCOUNTS, ACCOUNTS - 2, ACCOUNTS // 2]))
    def accounts_come_and_go(self, cohort: int, left: int) -> None:
        """What plans rest on moves: as it was, amber, red."""
        accounts = Account.objects.filter(cohort=self.cohorts[cohort])
        with self.role("web"):
            accounts.filter(number__gt=left).update(status="UNENROLLED")
            accounts.filter(number__lte=left).update(status="ENROLLED")
        self.world.accounts[cohort] = left
