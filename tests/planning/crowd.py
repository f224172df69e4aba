"""Six people and two dispatchers at the same plans at once, each person at one of the three entries over HTTP."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from dispatch.operations import carry_out_aborts, claim_authorised, send_queued
from planning.models import Plan, PlanRequest
from portal.models import User
from tests import factories
from tests.keys import Keyring
from tests.planning import builders
from tests.planning.builders import AT
from tests.policies import requirement
from tests.portal.entries import DESKS, Answer, Desk

WAIT_S = 120.0
TRIES = 3
HURRY_S = 0.2
"""Pages answer more slowly than the API does: nobody starts at once, so that each entry is first now and then."""
PAUSE_S = 0.03
"""Dispatchers look again after this long at most; never resting, they would take the people's processor time."""

# Supervisors may take any seat, operators only the second of two.
APPROVERS = {"ann": "operator", "bob": "operator", "sam": "supervisor", "sue": "supervisor"}
EDITORS = {"ed": "supervisor", "eva": "supervisor"}
SIZES_MW = ("15.000", "30.000", "90.000")
OTHERWISE = ("approve", "approve", "reject", "abort")
"""What one of the approvers does, drawn for each plan."""


@contextmanager
def session(role: str) -> Iterator[None]:
    """This thread's connection, logged in as a database role, while the block runs."""
    before = connections[DEFAULT_DB_ALIAS]
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    own.settings_dict = {**connections.settings[DEFAULT_DB_ALIAS], **settings.PORTAL_DATABASES[role]}
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        own.close()
        connections[DEFAULT_DB_ALIAS] = before


@dataclass
class Crowd:
    """Everybody, and what they were answered."""

    seed: int
    people: dict[str, User] = field(default_factory=dict)
    desks: dict[str, list[Desk]] = field(default_factory=dict)
    keys: Keyring = field(default_factory=Keyring)
    answers: list[tuple[Desk, str, Plan, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        factories.drill(at=AT)
        self.people["olivia"] = builders.person("olivia", "operator", is_staff=True)
        self.chance = random.Random(self.seed)
        for name, role in (APPROVERS | EDITORS).items():
            self.people[name] = builders.person(name, role, password=name, is_staff=True)
            self.desks[name] = [desk(self.people[name]) for desk in DESKS]
            self.keys.of(self.people[name])

    def plan(self, number: int) -> Plan:
        """A plan of its own cohort, asked for by olivia."""
        cohort = builders.cohort(f"Cohort {number}", enrolled_mw="300")
        builders.pending_plan(self.people["olivia"], cohort, largest_mw=SIZES_MW[number % len(SIZES_MW)])
        plan = Plan.objects.latest("pk")
        Plan.objects.filter(pk=plan.pk).update(run=1)
        return plan

    def rush(self, plan: Plan) -> None:
        """All six begin at the same instant, while two dispatchers take whatever is authorised."""
        barrier = threading.Barrier(len(self.desks) + 2)
        over = threading.Event()
        does = self._does()
        with ThreadPoolExecutor(len(does) + 2) as pool:
            people = [
                pool.submit(
                    self._act, barrier, self.chance.uniform(0, HURRY_S), act, self.chance.choice(self.desks[name]), plan
                )
                for name, act in does.items()
            ]
            senders = [pool.submit(_dispatch, barrier, over) for _number in range(2)]
            try:
                for future in people:
                    future.result(WAIT_S)
            finally:
                over.set()
            for future in senders:
                future.result(WAIT_S)

    def _does(self) -> dict[str, Callable[[Desk, Plan], None]]:
        """What each of the six is up to; one of the approvers may be about to stop the plan."""
        ways = {"approve": self.approve_until_told, "reject": self.reject, "abort": self.abort}
        does = dict.fromkeys(APPROVERS, self.approve_until_told)
        does |= {"ed": self.edit, "eva": self.edit_and_approve_it}
        return does | {self.chance.choice(sorted(APPROVERS)): ways[self.chance.choice(OTHERWISE)]}

    def _act(
        self, barrier: threading.Barrier, wait_s: float, act: Callable[[Desk, Plan], None], desk: Desk, plan: Plan
    ) -> None:
        with session("web"):
            barrier.wait(WAIT_S)
            time.sleep(wait_s)
            act(desk, Plan.objects.get(pk=plan.pk))

    # What each of them does

    def approve_until_told(self, desk: Desk, plan: Plan) -> None:
        """Read, decide; told that the content moved on, read again."""
        for _try in range(TRIES):
            seen = _read(plan)
            answer = self._approve(desk, plan, *seen)
            if answer.done or _read(plan)[0] == seen[0]:
                return

    def reject(self, desk: Desk, plan: Plan) -> None:
        """Once; an edit in between leaves it without effect."""
        given = {"content_hash": _read(plan)[0], "reason": "too hot"}
        self._tell(desk, "reject", plan, desk.act("reject", plan, given))

    def abort(self, desk: Desk, plan: Plan) -> None:
        """Names no content: whatever the plan is at, it is to stop."""
        self._tell(desk, "abort", plan, desk.act("abort", plan, {"reason": "storm"}))

    def edit(self, desk: Desk, plan: Plan) -> None:
        """Ask for a change; the planner answers at once."""
        content_hash, _needs = _read(plan)
        given = {"content_hash": content_hash, "reason": "cooler", "strategy": "balanced"}
        if self._tell(desk, "edit", plan, desk.act("edit", plan, given)).done:
            with session("worker"), transaction.atomic():
                _solve(plan)

    def edit_and_approve_it(self, desk: Desk, plan: Plan) -> None:
        """An editor who tries to get their own change through."""
        self.edit(desk, plan)
        self._approve(desk, plan, *_read(plan))

    def _approve(self, desk: Desk, plan: Plan, content_hash: str, needs: dict[str, Any]) -> Answer:
        given: dict[str, Any] = {"content_hash": content_hash, "reason": "looked at it"}
        if needs["step_up"] == "PASSWORD":
            given["password"] = desk.by.username
        if needs["estimate"]:
            desk.estimate(plan, content_hash, 80)
        if needs["step_up"] == "PASSKEY":
            options = desk.challenge(plan, content_hash)
            if isinstance(options, Answer):
                return self._tell(desk, "challenge", plan, options)
            given["assertion"] = self.keys.of(desk.by).get(options)
        return self._tell(desk, "approve", plan, desk.act("approve", plan, given))

    def _tell(self, desk: Desk, action: str, plan: Plan, answer: Answer) -> Answer:
        self.answers.append((desk, action, plan, answer))
        return answer

    def codes(self) -> Counter[int]:
        return Counter(answer.code for _desk, _action, _plan, answer in self.answers)

    def won_at(self) -> set[tuple[str, str]]:
        """What was done at which entry, at least once."""
        return {(action, desk.name) for desk, action, _plan, answer in self.answers if answer.done}


def _read(plan: Plan) -> tuple[str, dict[str, Any]]:
    """The current content and what it needs, as the person sees them now."""
    found = Plan.objects.select_related("current_version").get(pk=plan.pk)
    assert found.current_version is not None
    return found.current_version.content_hash, requirement(found.current_version_id)


def _solve(plan: Plan) -> None:
    """The worker answers the newest request, as the planner would; one answer a request."""
    row = Plan.objects.select_for_update().get(pk=plan.pk)
    request = PlanRequest.objects.filter(plan=row).latest("number")
    cohort = row.versions.earliest("number").events.get().cohort
    if row.status == "PLANNING" and not hasattr(request, "version"):
        builders.add_version(row, request, cohort, builders.Wanted(largest_mw="15.000"))


def _dispatch(barrier: threading.Barrier, over: threading.Event) -> None:
    with session("dispatch"):
        barrier.wait(WAIT_S)
        while not over.wait(random.uniform(0.0, PAUSE_S)):
            _round()
        _round()


def _round() -> None:
    claim_authorised(at=AT, wall_at=AT)
    carry_out_aborts(at=AT, wall_at=AT)
    send_queued(at=AT, wall_at=AT)
