"""Who decides how: freeze, delegations, the approval policy. One page to read, one address for each act."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from grid.core.refusals import NotFound, Refusal
from planning.approval_queries import PolicyRow, delegations, freezes, freezes_on, policy_rows
from planning.core.policy import CONDITIONS, Needs, Policy, Rule, StepUp, words_of
from planning.operations import (
    Loan,
    confirm_policy,
    delegate_vote,
    end_delegation,
    freeze,
    lift_freeze,
    propose_policy,
)
from portal.frame import portal_now
from portal.models import User
from portal.problem import status_of
from portal.templatetags.pages import who
from portal.views.approval_forms import ConfirmForm, DelegateForm, FreezeForm, PolicyForm, TextForm
from portal.views.guard import page, person, show

METHODS = ("GET", "HEAD", "POST")
SHOWN = 20
PROOF = {StepUp.NONE: "signed in", StepUp.PASSWORD: "password", StepUp.PASSKEY: "passkey"}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule in words."""

    name: str
    when: str
    who: str
    proof: str
    extra: str


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One version of the policy in words."""

    item: PolicyRow
    rules: list[RuleLine]
    own: bool


def rule_lines(policy: Policy) -> list[RuleLine]:
    """The rules as sentences."""
    return [
        RuleLine(*_name_and_when(rule), who(rule.needs), PROOF[rule.needs.step_up], extra_words(rule.needs))
        for rule in policy.rules
    ]


def _name_and_when(rule: Rule) -> tuple[str, str]:
    """A rule's name and its conditions; one of the two where they say the same."""
    when = words_of(rule).removesuffix(": yes")
    return (when, "") if when.startswith(rule.name) else (rule.name, when)


def extra_words(needs: Needs) -> str:
    """What else."""
    return ", ".join([*(["a reason"] if needs.reason else []), *(["an own estimate first"] if needs.estimate else [])])


@page("planning.view_plan")
def rules(request: HttpRequest) -> HttpResponse:
    """The page, with empty forms for who may use them."""
    return _rules(request)


def _rules(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    at, me = portal_now(request), person(request)
    lines = [PolicyLine(item, rule_lines(item.policy), item.row.proposed_by_id == me.pk) for item in policy_rows()]
    context = {
        "at": at,
        "frozen": list(freezes_on(at=at)),
        "freezes": list(freezes().order_by("-pk")[:SHOWN]),
        "delegations": list(delegations().order_by("-pk")[:SHOWN]),
        "policies": lines,
        "current": next(line for line in lines if line.item.in_force),
        "freeze_form": FreezeForm(),
        "lift_form": TextForm(),
        "delegate_form": DelegateForm(people=_voters(me)),
        "confirm_form": ConfirmForm(),
        **forms,
    }
    return show(request, "portal/pages/rules.html", context, status=status)


def _voters(me: User) -> Any:
    voters = User.objects.filter(is_active=True, groups__permissions__codename="approve_plan").exclude(pk=me.pk)
    return voters.distinct().order_by("username")


@page("planning.freeze_sending", methods=("POST",))
def freeze_now(request: HttpRequest) -> HttpResponse:
    """Stop all approvals and sending."""
    form = FreezeForm(request.POST)

    def act() -> Any:
        given = form.cleaned_data
        return freeze(by=person(request), at=portal_now(request), reason=given["reason"], ends_at=given["ends_at"])

    return _act(request, form, "freeze_form", act, "Recorded: approvals and sending are frozen.")


@page("planning.lift_freeze", methods=("POST",))
def lift(request: HttpRequest, number: int) -> HttpResponse:
    """Let them begin again."""
    form = TextForm(request.POST)

    def act() -> Any:
        return lift_freeze(
            freeze_id=number, by=person(request), at=portal_now(request), reason=form.cleaned_data["text"]
        )

    return _act(request, form, "lift_form", act, "Recorded: the freeze is lifted.")


@page("planning.delegate_vote", methods=("POST",))
def delegate(request: HttpRequest) -> HttpResponse:
    """Lend one's right to vote."""
    form = DelegateForm(request.POST, people=_voters(person(request)))

    def act() -> Any:
        given, at = form.cleaned_data, portal_now(request)
        loan = Loan(given["delegate"].pk, form.starting(at), given["ends_at"], given["max_mw"], given["reason"])
        return delegate_vote(loan=loan, by=person(request), at=at, password=given["password"])

    return _act(request, form, "delegate_form", act, "Recorded: the right to vote is lent.")


@page("planning.view_plan", methods=("POST",))
def end_loan(request: HttpRequest, number: int) -> HttpResponse:
    """Take it back, or give it back."""
    try:
        end_delegation(delegation_id=number, by=person(request), at=portal_now(request))
        messages.success(request, "Recorded: the delegation is ended.")
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("rules")


@page("planning.change_policy", methods=METHODS)
def propose(request: HttpRequest) -> HttpResponse:
    """Write another policy, starting from the one in force."""
    current = next(item for item in policy_rows() if item.in_force)
    text = json.dumps(json.loads(current.row.rules), indent=2)
    form = PolicyForm(request.POST or None, initial={"rules": text})
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = propose_policy(
                rules=given["rules"],
                by=person(request),
                at=portal_now(request),
                reason=given["reason"],
                password=given["password"],
            )
        except Refusal as refusal:
            form.take(refusal)
            status = status_of(refusal)
        else:
            messages.success(request, f"Recorded: policy {made.number} is proposed; a second person has to confirm it.")
            return redirect("rules")
    elif request.method == "POST":
        status = 422
    context = {"form": form, "current": current, "lines": rule_lines(current.policy), "conditions": CONDITIONS}
    return show(request, "portal/pages/propose_policy.html", context, status=status)


@page("planning.change_policy", methods=("POST",))
def confirm(request: HttpRequest, number: int) -> HttpResponse:
    """The second person."""
    form = ConfirmForm(request.POST)

    def act() -> Any:
        password = form.cleaned_data["password"]
        return confirm_policy(number=number, by=person(request), at=portal_now(request), password=password)

    said = f"Recorded: policy {number} is in force. Versions written from now on name it."
    return _act(request, form, "confirm_form", act, said)


def _act(request: HttpRequest, form: Any, name: str, operation: Callable[[], Any], said: str) -> HttpResponse:
    """Do it and go back; or the page again with what was typed and what is wrong with it."""
    if not form.is_valid():
        return _rules(request, status=422, **{name: form})
    try:
        operation()
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal
    except Refusal as refusal:
        form.take(refusal)
        return _rules(request, status=status_of(refusal), **{name: form})
    messages.success(request, said)
    return redirect("rules")
