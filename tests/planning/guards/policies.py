"""Probes of the approval policy: operations, then rows."""

from __future__ import annotations

import hashlib
from typing import Any

from planning import operations as ops
from planning.core.policy import DEFAULT_POLICY
from planning.models import (
    ApprovalPolicy,
    PolicyConfirmation,
)
from tests.planning.builders import AT
from tests.planning.guards.stand import Stand, denied, probe, refused, row, sql

RULES = DEFAULT_POLICY


def propose(s: Stand, by: str = "sam", rules: str = RULES, reason: str = "safer", password: str | None = None) -> Any:
    with s.role("web"):
        return ops.propose_policy(rules=rules, by=s.who(by), at=AT, reason=reason, password=password or by)


def confirm(s: Stand, number: int, by: str = "sue") -> Any:
    with s.role("web"):
        return ops.confirm_policy(number=number, by=s.who(by), at=AT, password=by)


@probe
def a_policy_with_somebody_elses_password(s: Stand) -> None:
    with refused(ops.PasswordWrong):
        propose(s, password="sue")


@probe
def a_policy_that_is_none(s: Stand) -> None:
    with refused(ops.PolicyInvalid):
        propose(s, rules="{}")


@probe
def a_policy_without_a_reason(s: Stand) -> None:
    with refused(ops.ReasonMissing):
        propose(s, reason=" ")


@probe
def a_policy_by_an_admin(s: Stand) -> None:
    with refused(ops.PolicyRefused):
        propose(s, by="both")


@probe
def confirming_no_policy(s: Stand) -> None:
    with refused(ops.PolicyUnknown):
        confirm(s, 99)


@probe
def confirming_one_s_own_policy(s: Stand) -> None:
    with refused(ops.ConfirmationRefused, "second person"):
        confirm(s, propose(s).number, by="sam")


def policy_row(s: Stand, **fields: Any) -> ApprovalPolicy:
    rules = fields.get("rules", RULES)
    usual = {"number": 2, "rules": rules, "rules_sha256": hashlib.sha256(rules.encode()).hexdigest()}
    usual |= {"proposed_by": s.people["sam"], "reason": "x"}
    return row(s, ApprovalPolicy, **(usual | fields))


@probe
def policy_row_with_a_number_left_out(s: Stand) -> None:
    with denied("the next number is 2"):
        policy_row(s, number=3)


@probe
def policy_row_with_a_number_again(s: Stand) -> None:
    sql("ALTER TABLE planning_approvalpolicy DISABLE TRIGGER policy_is_proposed_by_right")
    with denied("planning_approvalpolicy_number_key"):
        policy_row(s, number=1)


@probe
def policy_row_of_an_operator(s: Stand) -> None:
    with denied("may not change the approval policy"):
        policy_row(s, proposed_by=s.people["omar"])


@probe
def policy_row_without_a_reason(s: Stand) -> None:
    with denied("policy_change_names_person_and_reason"):
        policy_row(s, reason="")


@probe
def policy_row_under_another_hash(s: Stand) -> None:
    with denied("policy_hash_is_of_rules"):
        policy_row(s, rules_sha256="0" * 64)


@probe
def policy_rows_that_are_unsound(s: Stand) -> None:
    for change in (
        ('"approvals":1', '"approvals":0'),
        ('"when":{}', '"when":{"edited":false}'),
        ('"step_up":"none"', '"step_up":"wish"'),
        ('"mw_at_least"', '"mw_at_leest"'),
        ('"review_h":24', '"review_h":99'),
        ('"max_mw":"60"', '"max_mw":"-1"'),
        ('"supervisors":1', '"supervisors":2'),
        ('"mw_at_least":"20"', '"mw_at_least":"many"'),
        ('"reason":false', '"reason":0'),
        ('"estimate":false', '"estimate":0'),
        ('"name":"every plan"', '"name":""'),
        ('"name":"every plan"', '"name":"emergency"'),
        ('"strategy":["emergency"]', '"strategy":["greedy"]'),
        ('"edited":true', '"edited":"yes"'),
        ('"edited":true', '"endpoints_at_least":"many"'),
        ('"approvals":2', '"approvals":2.5'),
        ('"name":"every plan"', '"name":"every plan","note":"x"'),
        ('"reason":false,', ""),
    ):
        assert change[0] in RULES
        with denied("policy_is_sound"):
            policy_row(s, rules=RULES.replace(*change, 1))


def confirmation_row(s: Stand, policy: ApprovalPolicy, by: str) -> PolicyConfirmation:
    return row(s, PolicyConfirmation, policy=policy, by=s.people[by])


@probe
def confirmation_row_of_who_proposed_it(s: Stand) -> None:
    with denied("a change needs a second person"):
        confirmation_row(s, propose(s), "sam")


@probe
def confirmation_row_of_an_operator(s: Stand) -> None:
    with denied("confirmation refused: this person may not"):
        confirmation_row(s, propose(s), "omar")


@probe
def confirmation_row_for_who_has_left(s: Stand) -> None:
    policy = propose(s)
    type(s.people["sam"]).objects.filter(username="sam").update(is_active=False)
    with denied("whoever proposed it may no longer"):
        confirmation_row(s, policy, "sue")


@probe
def confirmation_row_of_an_older_policy(s: Stand) -> None:
    older, newer = propose(s), propose(s)
    confirm(s, newer.number)
    with denied("is in force already"):
        confirmation_row(s, older, "sue")


@probe
def a_second_confirmation_row(s: Stand) -> None:
    policy = propose(s)
    confirm(s, policy.number)
    sql("ALTER TABLE planning_policyconfirmation DISABLE TRIGGER confirmation_is_by_a_second_person")
    with denied("policy_id"):
        confirmation_row(s, policy, "stan")


@probe
def a_policy_nobody_confirmed_is_not_in_force(s: Stand) -> None:
    propose(s)
    assert sql("SELECT planning_policy_in_force()") == [(1,)]
