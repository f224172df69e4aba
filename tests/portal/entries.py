"""One decision through each of the three entries: the supervisors' site, a page's form, the API."""

from __future__ import annotations

import html
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.test import Client

from planning.models import Plan, PlanRefusal, Vote
from portal.models import User
from tests.portal.api import post, tokened


@dataclass(frozen=True)
class Answer:
    """What the person was told, as text, and whether the entry called it done."""

    code: int
    done: bool
    text: str


class Desk(ABC):
    """A person at one of the entries. `actions` are those it offers."""

    name: ClassVar[str]
    actions: ClassVar[frozenset[str]] = frozenset({"approve", "reject", "edit", "abort", "break-glass"})

    def __init__(self, by: User) -> None:
        self.by = by

    @abstractmethod
    def act(self, action: str, plan: Plan, given: Mapping[str, Any]) -> Answer:
        """`given` as the API spells it; `assertion` is what a passkey answered."""

    @abstractmethod
    def challenge(self, plan: Plan, content_hash: str, decision: str = "APPROVE") -> dict[str, Any] | Answer:
        """What the passkey is asked to sign, or why there is nothing to sign."""

    @abstractmethod
    def estimate(self, plan: Plan, content_hash: str, mw: float) -> Answer:
        """Their own, before the plan's number is shown."""


class ApiDesk(Desk):
    name = "api"

    def __init__(self, by: User) -> None:
        super().__init__(by)
        self.client = tokened(by)

    def act(self, action: str, plan: Plan, given: Mapping[str, Any]) -> Answer:
        return self._answer(post(self.client, f"plans/{plan.pk}/{action}", dict(given)))

    def challenge(self, plan: Plan, content_hash: str, decision: str = "APPROVE") -> dict[str, Any] | Answer:
        body = {"content_hash": content_hash, "decision": decision}
        return _options(post(self.client, f"plans/{plan.pk}/challenge", body))

    def estimate(self, plan: Plan, content_hash: str, mw: float) -> Answer:
        return self._answer(post(self.client, f"plans/{plan.pk}/estimate", {"content_hash": content_hash, "mw": mw}))

    def _answer(self, answer: Any) -> Answer:
        done = answer.status_code in {200, 201, 202}
        return Answer(answer.status_code, done, answer.json().get("detail", ""))


class PageDesk(Desk):
    """A browser without scripts, but for the passkey's answer, which a script puts into a hidden field."""

    name = "page"
    paths: ClassVar[Mapping[str, str]] = {"break-glass": "force"}

    def __init__(self, by: User) -> None:
        super().__init__(by)
        self.client = Client()
        self.client.force_login(by)

    def act(self, action: str, plan: Plan, given: Mapping[str, Any]) -> Answer:
        answer = self.client.post(f"/plans/{plan.pk}/{self.paths.get(action, action)}/", _fields(given))
        done = answer.status_code == 302
        assert not done or answer["Location"] == f"/plans/{plan.pk}/", answer["Location"]
        return Answer(answer.status_code, done, words_of(answer))

    def challenge(self, plan: Plan, content_hash: str, decision: str = "APPROVE") -> dict[str, Any] | Answer:
        body = {"content_hash": content_hash, "decision": decision}
        return _options(self.client.post(f"/plans/{plan.pk}/challenge/", body))

    def estimate(self, plan: Plan, content_hash: str, mw: float) -> Answer:
        return PageDesk.act(self, "estimate", plan, {"content_hash": content_hash, "mw": str(mw)})


class AdminDesk(PageDesk):
    """Offers the two decisions; challenges and all the rest are the pages'."""

    name = "admin"
    actions = frozenset({"approve", "reject"})

    def act(self, action: str, plan: Plan, given: Mapping[str, Any]) -> Answer:
        if action not in self.actions:
            return super().act(action, plan, given)
        answer = self.client.post(f"/admin/planning/plan/{plan.pk}/{action}/", _fields(given), follow=True)
        [(target, _code)] = answer.redirect_chain
        return Answer(answer.status_code, target == "/admin/planning/plan/", words_of(answer))


DESKS: tuple[type[Desk], ...] = (AdminDesk, PageDesk, ApiDesk)


def _fields(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in given.items()}


def _options(answer: Any) -> dict[str, Any] | Answer:
    body = answer.json()
    if answer.status_code != 200:
        return Answer(answer.status_code, done=False, text=body["detail"])
    found: dict[str, Any] = body["public_key"]
    return found


def words_of(answer: Any) -> str:
    """The page as read."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


@dataclass(frozen=True)
class Outcome:
    """What came of it: the same whatever the entry."""

    done: bool
    status: str
    votes: tuple[tuple[Any, ...], ...]
    refusals: tuple[tuple[Any, ...], ...]


def outcome_of(plan: Plan, *, done: bool) -> Outcome:
    votes = Vote.objects.filter(version__plan=plan).order_by("pk")
    return Outcome(
        done=done,
        status=Plan.objects.values_list("status", flat=True).get(pk=plan.pk),
        votes=tuple(votes.values_list("voter__username", "decision", "step_up", "on_behalf_of__username", "reason")),
        refusals=tuple(PlanRefusal.objects.order_by("pk").values_list("by__username", "attempted", "why")),
    )
