"""Who decides how, over HTTP: every answer, and that nothing is written after a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Cohort
from grid import clock
from planning.core.drift import Basis
from planning.core.policy import DEFAULT_POLICY
from planning.models import (
    ApprovalPolicy,
    BreakGlass,
    Comment,
    Delegation,
    Estimate,
    Freeze,
    Passkey,
    PasskeyEnd,
    Plan,
    PlanRefusal,
    StepUpChallenge,
    Vote,
)
from planning.queries import policy_in_force
from portal.models import User
from portal.software_authenticator import SoftwareAuthenticator
from tests.keys import PARTY
from tests.planning import builders
from tests.planning.builders import add_version, hash_of, pending_plan
from tests.policies import approve as write_vote
from tests.portal.api import API, fields_of, post, row_counts, tokened

NONE = "0" * 64


@pytest.fixture
def sybil(db: None) -> User:
    return builders.person("sybil", "supervisor", password="sybil")


@pytest.fixture
def sven(db: None) -> User:
    return builders.person("sven", "supervisor", password="sven")


@pytest.fixture
def make(operator: User, pearland: Cohort) -> Callable[..., Plan]:
    """A plan to be decided within half an hour of the portal's own clock."""
    return lambda **wanted: pending_plan(operator, pearland, approve_by=clock.now() + timedelta(minutes=30), **wanted)


@pytest.fixture
def large(make: Callable[..., Plan]) -> Plan:
    """61 MW: two people, passkeys, reasons, estimates."""
    return make(largest_mw="61")


def enrol(client: Client, by: User) -> SoftwareAuthenticator:
    """Over HTTP, as a person does it once."""
    key = SoftwareAuthenticator(PARTY)
    options = post(client, "passkeys/challenge", {"password": by.username}).json()["public_key"]
    assert post(client, "passkeys", {"credential": key.create(options), "label": "phone"}).status_code == 201
    return key


def prove(client: Client, key: SoftwareAuthenticator) -> dict[str, Any]:
    """An enrolled key signs that another one may be."""
    return key.get(post(client, "passkeys/proof", {}).json()["public_key"])


def signed(client: Client, key: SoftwareAuthenticator, plan: Plan, decision: str = "APPROVE") -> dict[str, Any]:
    body = {"content_hash": hash_of(plan), "decision": decision}
    return key.get(post(client, f"plans/{plan.pk}/challenge", body).json()["public_key"])


def unwritten(client: Client, path: str, body: Any) -> Any:
    """The answer to a refused POST; beyond its being on record, nothing was written."""
    before = row_counts()
    answer = post(client, path, body)
    after = row_counts()
    assert 400 <= answer.status_code < 500
    for counts in (before, after):
        counts.pop("planning_planrefusal")
        counts.pop("portal_signin")
    assert after == before
    return answer


def told(answer: Any) -> tuple[int, list[str], str]:
    return answer.status_code, fields_of(answer), answer.json()["detail"]


class TestEveryone:
    @pytest.mark.parametrize(
        "path",
        [
            "plans/{plan}/challenge",
            "plans/{plan}/estimate",
            "plans/{plan}/break-glass",
            "plans/{plan}/comments",
            "comments/1/resolve",
            "break-glass/1/review",
            "freezes",
            "freezes/1/lift",
            "delegations",
            "delegations/1/end",
            "approval-policies",
            "approval-policies/1/confirm",
            "passkeys",
            "passkeys/challenge",
            "passkeys/proof",
            "passkeys/1/end",
        ],
    )
    def test_nobody_is_signed_in(self, path: str, plan: Plan) -> None:
        for client in (Client(), Client(headers={"Authorization": "Token wrong"})):
            answer = unwritten(client, path.format(plan=plan.pk), {})
            assert (answer.status_code, fields_of(answer)) == (401, [])

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("plans/{plan}/challenge", {"content_hash": NONE, "decision": "APPROVE"}),
            ("plans/{plan}/estimate", {}),
            ("plans/{plan}/break-glass", {}),
            ("plans/{plan}/comments", {}),
            ("comments/{id}/resolve", {}),
            ("break-glass/{id}/review", {}),
            ("freezes", {"reason": "line down"}),
            ("freezes", {}),
            ("freezes/{id}/lift", {"text": "x"}),
            ("delegations", {}),
            ("approval-policies", {"rules": json.loads(DEFAULT_POLICY), "reason": "x"}),
            ("approval-policies/1/confirm", {}),
        ],
    )
    def test_an_auditor_may_not(self, path: str, body: Any, plan: Plan, other: User, auditor: User) -> None:
        comment = Comment.objects.create(version_id=plan.current_version_id, by=other, text="x", at=clock.now())
        if "challenge" in path:  # a challenge is no decision; who may not decide has no key to answer it with
            assert told(
                unwritten(tokened(auditor), path.format(plan=plan.pk), body | {"content_hash": hash_of(plan)})
            ) == (
                409,
                [],
                "You have no passkey yet. Enrol one first (your name, Passkeys), then come back.",
            )
            return
        answer = unwritten(tokened(auditor), path.format(plan=plan.pk, id=comment.pk), body)
        assert (answer.status_code, fields_of(answer)) == (403, [])
        assert answer.json()["detail"].startswith("Your role does not allow this (it needs planning.")

    @pytest.mark.parametrize("path", ["freezes", "delegations", "approval-policies", "break-glass", "passkeys"])
    def test_who_may_not_see_plans_sees_none_of_it(self, path: str, db: None) -> None:
        answer = tokened(builders.person("petra")).get(f"{API}/{path}")
        assert (answer.status_code, fields_of(answer)) == (403, [])

    @pytest.mark.parametrize("number", ["987654321", "abc", "0", "-1", "9" * 40, "١"])
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("plans/{}/challenge", {"content_hash": NONE, "decision": "APPROVE"}),
            ("plans/{}/estimate", {"content_hash": NONE, "mw": 5}),
            ("plans/{}/break-glass", {"content_hash": NONE, "reason_code": "SAFETY", "incident": "I", "reason": "x"}),
            ("plans/{}/comments", {"content_hash": NONE, "text": "x"}),
            ("comments/{}/resolve", {"text": "x"}),
            ("break-glass/{}/review", {"finding": "JUSTIFIED", "text": "x"}),
            ("freezes/{}/lift", {"text": "x"}),
            ("delegations/{}/end", {}),
            ("approval-policies/{}/confirm", {}),
        ],
    )
    def test_what_does_not_exist(self, path: str, body: Any, number: str, plan: Plan, sybil: User) -> None:
        answer = unwritten(tokened(sybil), path.format(number), body)
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_a_number_that_is_none_speaks_of_no_plan(self, sybil: User) -> None:
        answer = unwritten(tokened(sybil), "freezes/abc/lift", {"text": "x"})
        assert told(answer) == (404, [], "There is nothing of this number.")

    @pytest.mark.parametrize(
        ("path", "body", "fields"),
        [
            ("plans/{}/challenge", {"content_hash": NONE}, ["decision"]),
            ("plans/{}/challenge", {"content_hash": NONE, "decision": "REJECT"}, ["decision"]),
            ("plans/{}/estimate", {"content_hash": NONE}, ["mw"]),
            ("plans/{}/estimate", {"content_hash": NONE, "mw": "5"}, ["mw"]),
            ("plans/{}/break-glass", {"content_hash": NONE}, ["reason_code", "incident", "reason"]),
            (
                "plans/{}/break-glass",
                {"content_hash": NONE, "reason_code": "FUN", "incident": "I", "reason": "x"},
                ["reason_code"],
            ),
            ("plans/{}/comments", {"content_hash": NONE, "text": 5}, ["text"]),
            ("plans/{}/comments", {"content_hash": NONE, "text": "x", "blocking": True}, ["blocking"]),
            ("freezes", {"reason": "x", "ends_at": "tomorrow"}, ["ends_at"]),
            ("freezes", {"reason": "x", "starts_at": "2026-11-01T10:00:00"}, ["starts_at"]),
            ("delegations", {"delegate": "omar", "reason": "x"}, ["starts_at", "ends_at", "max_mw"]),
            ("approval-policies", {"reason": "x"}, ["rules"]),
            ("passkeys", {"credential": "x"}, ["credential"]),
            ("passkeys", {"label": "phone"}, ["credential"]),
        ],
    )
    def test_wrong_shapes(self, path: str, body: Any, fields: list[str], plan: Plan, sybil: User) -> None:
        answer = unwritten(tokened(sybil), path.format(plan.pk), body)
        assert (answer.status_code, fields_of(answer)) == (422, fields)


class TestStepUp:
    def test_a_password_along_with_the_token(self, make: Callable[..., Plan], sybil: User) -> None:
        plan, client = make(largest_mw="20"), tokened(sybil)
        path, body = f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)}
        assert told(unwritten(client, path, body)) == (
            403,
            ["password"],
            "This plan needs your password together with the vote.",
        )
        assert told(unwritten(client, path, body | {"password": "wrong"}))[:2] == (403, ["password"])
        answer = post(client, path, body | {"password": "sybil"})
        assert (answer.status_code, answer.json()["status"], answer.json()["approvals"]) == (200, "AUTHORISED", 1)
        assert Vote.objects.get().step_up == "PASSWORD"
        assert list(PlanRefusal.objects.order_by("pk").values_list("attempted", flat=True)) == ["approve", "approve"]

    def test_a_high_tier_by_two_people_with_passkeys(self, large: Plan, other: User, sybil: User) -> None:
        """Estimate, challenge, vote: each over HTTP, the second one blind to the first."""
        path, base = f"plans/{large.pk}", {"content_hash": hash_of(large)}
        for by, status in ((other, "PARTIAL"), (sybil, "AUTHORISED")):
            client = tokened(by)
            key = enrol(client, by)
            assert post(client, f"{path}/estimate", base | {"mw": 55}).status_code == 201
            body = base | {"reason": f"{by} agrees", "assertion": signed(client, key, large)}
            answer = post(client, f"{path}/approve", body)
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        votes = tokened(other).get(f"{API}/{path}").json()["votes"]
        assert [(vote["voter"], vote["reason"]) for vote in votes] == [
            ("sybil", "sybil agrees"),
            ("omar", "omar agrees"),
        ]

    def test_what_is_missing_is_said_one_by_one(self, large: Plan, sybil: User) -> None:
        client = tokened(sybil)
        path, body = f"plans/{large.pk}/approve", {"content_hash": hash_of(large), "password": "sybil"}
        assert told(unwritten(client, path, body))[:2] == (409, [])
        assert post(client, f"plans/{large.pk}/estimate", {"content_hash": hash_of(large), "mw": 50}).status_code == 201
        assert told(unwritten(client, path, body))[:2] == (403, ["assertion"])
        key = enrol(client, sybil)
        body["assertion"] = signed(client, key, large)
        assert told(unwritten(client, path, body)) == (422, ["reason"], "Say why: a reason is needed here.")
        assert post(client, path, body | {"reason": "tight"}).json()["status"] == "PARTIAL"

    def test_a_signature_is_good_for_its_page_alone(self, large: Plan, sybil: User) -> None:
        """The page that asks is the one the request was addressed to."""
        client = tokened(sybil)
        key = enrol(client, sybil)
        post(client, f"plans/{large.pk}/estimate", {"content_hash": hash_of(large), "mw": 50})
        body = {"content_hash": hash_of(large), "reason": "x", "assertion": signed(client, key, large)}
        before = row_counts()
        answer = post(client, f"plans/{large.pk}/approve", body, headers={"host": "localhost"})
        assert (answer.status_code, fields_of(answer)) == (403, ["assertion"])
        assert "The passkey did not prove it: Unexpected" in answer.json()["detail"]
        assert row_counts() | {"planning_planrefusal": 0} == before | {"planning_planrefusal": 0}

    def test_a_replayed_signature(self, large: Plan, make: Callable[..., Plan], sybil: User) -> None:
        client = tokened(sybil)
        key = enrol(client, sybil)
        post(client, f"plans/{large.pk}/estimate", {"content_hash": hash_of(large), "mw": 50})
        body = {"content_hash": hash_of(large), "reason": "x", "assertion": signed(client, key, large)}
        assert post(client, f"plans/{large.pk}/approve", body).status_code == 200
        answer = unwritten(client, f"plans/{large.pk}/approve", body)
        assert (answer.status_code, fields_of(answer)) == (403, ["assertion"])

    @pytest.mark.parametrize("assertion", [{}, {"id": 5}, {"response": []}, {"rawId": "AA", "response": {}}])
    def test_what_is_no_signature(self, assertion: Any, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "assertion": assertion}
        answer = unwritten(tokened(other), f"plans/{plan.pk}/approve", body)
        assert (answer.status_code, fields_of(answer)) == (403, ["assertion"])


MW_MEMBERS = ("target_mw", "planned_p50_mw", "firm_p90_mw", "confidence")


class TestCovered:
    """High tiers: who owes an estimate of their own is not told the plan's MW before; everybody else is."""

    def listed(self, client: Client) -> dict[str, Any]:
        [row] = client.get(f"{API}/plans").json()["results"]
        return dict(row)

    def test_until_the_estimate(self, large: Plan, sybil: User) -> None:
        client, path = tokened(sybil), f"{API}/plans/{large.pk}"
        whole, row = client.get(path).json(), self.listed(client)
        assert (whole["estimate_required"], whole["covered"], row["covered"]) == (True, True, True)
        assert [whole["content"], whole["content_text"]] == [None, None]
        assert {whole[name] for name in MW_MEMBERS} | {row[name] for name in MW_MEMBERS} == {None}
        assert [request["target_mw"] for request in whole["requests"]] == [None]
        assert (row["content_hash"], row["strategy"], row["required_approvals"]) == (hash_of(large), "balanced", 2)
        given = {"content_hash": hash_of(large), "mw": 50}
        assert post(client, f"plans/{large.pk}/estimate", given).status_code == 201
        whole, row = client.get(path).json(), self.listed(client)
        assert (whole["covered"], row["covered"]) == (False, False)
        assert (whole["planned_p50_mw"], row["planned_p50_mw"], whole["content"]["target_mw"]) == (61, 61, 61)

    def test_a_freeze_uncovers_nothing(self, large: Plan, sybil: User, other: User) -> None:
        Freeze.objects.create(by=other, reason="storm", starts_at=clock.now())
        assert tokened(sybil).get(f"{API}/plans/{large.pk}").json()["planned_p50_mw"] is None

    def test_not_to_who_has_no_vote(self, large: Plan, operator: User, auditor: User) -> None:
        for by in (operator, auditor):
            whole = tokened(by).get(f"{API}/plans/{large.pk}").json()
            assert (whole["covered"], whole["planned_p50_mw"]) == (False, 61)
            assert self.listed(tokened(by))["planned_p50_mw"] == 61

    def test_not_in_the_other_tiers(self, plan: Plan, other: User) -> None:
        assert self.listed(tokened(other))["planned_p50_mw"] == 15

    def test_the_second_vote_is_blind_to_the_first(self, large: Plan, other: User, sybil: User) -> None:
        write_vote(large, other, at=clock.now())
        assert tokened(sybil).get(f"{API}/plans/{large.pk}").json()["votes"] == []
        [vote] = tokened(other).get(f"{API}/plans/{large.pk}").json()["votes"]
        assert (vote["voter"], vote["step_up"], vote["on_behalf_of"]) == ("omar", "passkey", None)


class TestVotes:
    def test_say_what_proved_them_and_in_whose_name(
        self, make: Callable[..., Plan], other: User, sybil: User, sven: User
    ) -> None:
        plan, now = make(largest_mw="20"), clock.now()
        Delegation.objects.create(
            delegator=sybil,
            delegate=other,
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=1),
            max_mw=Decimal(50),
            reason="away",
        )
        body = {"content_hash": hash_of(plan), "password": "omar", "on_behalf_of": "sybil"}
        assert post(tokened(other), f"plans/{plan.pk}/approve", body).status_code == 200
        [vote] = tokened(sven).get(f"{API}/plans/{plan.pk}").json()["votes"]
        assert (vote["voter"], vote["step_up"], vote["on_behalf_of"]) == ("omar", "password", "sybil")


class TestChallenge:
    def test_names_exactly_this_content(self, plan: Plan, other: User) -> None:
        client = tokened(other)
        key = enrol(client, other)
        answer = post(client, f"plans/{plan.pk}/challenge", {"content_hash": hash_of(plan), "decision": "APPROVE"})
        assert answer.status_code == 200
        options = answer.json()["public_key"]
        assert (options["rpId"], options["userVerification"]) == ("testserver", "required")
        assert len(options["allowCredentials"]) == 1
        kept = StepUpChallenge.objects.latest("pk")
        assert (kept.user, kept.purpose, kept.content_hash) == (other, "APPROVE", hash_of(plan))
        assert key.get(options)["type"] == "public-key"

    def test_without_a_passkey(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "decision": "APPROVE"}
        assert told(unwritten(tokened(other), f"plans/{plan.pk}/challenge", body))[0] == 409

    def test_of_a_stale_content(self, plan: Plan, other: User) -> None:
        client = tokened(other)
        enrol(client, other)
        answer = unwritten(client, f"plans/{plan.pk}/challenge", {"content_hash": NONE, "decision": "APPROVE"})
        assert (answer.status_code, fields_of(answer)) == (409, ["content_hash"])
        assert answer.json()["current_content_hash"] == hash_of(plan)


class TestPasskeys:
    def test_enrol_list_end(self, other: User, sybil: User) -> None:
        client = tokened(other)
        enrol(client, other)
        kept = Passkey.objects.get()
        [row] = client.get(f"{API}/passkeys").json()["results"]
        assert (row["id"], row["label"], set(row)) == (kept.pk, "phone", {"id", "label", "enrolled_at", "proven_by"})
        assert tokened(sybil).get(f"{API}/passkeys").json() == {"results": [], "next": None}
        assert told(unwritten(tokened(sybil), f"passkeys/{kept.pk}/end", {}))[:2] == (422, ["passkey"])
        answer = post(client, f"passkeys/{kept.pk}/end", {})
        assert (answer.status_code, answer.content) == (204, b"")
        assert PasskeyEnd.objects.get().by == other
        assert client.get(f"{API}/passkeys").json() == {"results": [], "next": None}

    def test_an_answer_to_no_question(self, other: User) -> None:
        client = tokened(other)
        options = post(client, "passkeys/challenge", {"password": "omar"}).json()["public_key"]
        answer = SoftwareAuthenticator(PARTY).create(options)
        StepUpChallenge.objects.update(used_at=clock.now())
        assert told(unwritten(client, "passkeys", {"credential": answer}))[:2] == (403, ["assertion"])

    def test_the_same_key_again(self, other: User) -> None:
        client = tokened(other)
        key = enrol(client, other)
        options = post(client, "passkeys/challenge", {"assertion": prove(client, key)}).json()["public_key"]
        refused = unwritten(client, "passkeys", {"credential": key.create(options)})
        assert told(refused) == (409, [], "This passkey is enrolled already.")

    @pytest.mark.parametrize(("body", "says"), [({}, "needs your password"), ({"password": "guess"}, "is not right")])
    def test_a_token_alone_enrols_nothing(self, body: dict[str, str], says: str, other: User) -> None:
        """Whoever stole it would pass the passkey tier with a key of their own."""
        status, fields, detail = told(unwritten(tokened(other), "passkeys/challenge", body))
        assert (status, fields, says in detail) == (403, ["password"], True)
        assert PlanRefusal.objects.get().attempted == "enrol"

    def test_another_one_is_enrolled_with_the_first(self, other: User) -> None:
        client = tokened(other)
        assert told(unwritten(client, "passkeys/proof", {}))[0] == 409
        first = enrol(client, other)
        for body in ({}, {"password": "omar"}):
            assert told(unwritten(client, "passkeys/challenge", body))[:2] == (403, ["assertion"])
        options = post(client, "passkeys/challenge", {"assertion": prove(client, first)}).json()["public_key"]
        made = SoftwareAuthenticator(PARTY).create(options)
        answer = post(client, "passkeys", {"credential": made, "label": "second"})
        assert (answer.status_code, answer.json()["proven_by"]) == (201, "passkey")
        rows = client.get(f"{API}/passkeys").json()["results"]
        assert [(row["label"], row["proven_by"]) for row in rows] == [("phone", "password"), ("second", "passkey")]


class TestEstimate:
    def test_is_kept_once(self, plan: Plan, other: User) -> None:
        client, body = tokened(other), {"content_hash": hash_of(plan), "mw": 12.5}
        answer = post(client, f"plans/{plan.pk}/estimate", body)
        assert (answer.status_code, answer.json()["mw"]) == (201, 12.5)
        assert set(answer.json()) == {"mw", "at"}
        assert Estimate.objects.get().by == other
        assert told(unwritten(client, f"plans/{plan.pk}/estimate", body))[:2] == (409, [])

    @pytest.mark.parametrize("mw", [-1, 1e6])
    def test_out_of_bounds(self, mw: float, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "mw": mw}
        assert told(unwritten(tokened(other), f"plans/{plan.pk}/estimate", body))[:2] == (422, ["mw"])

    def test_of_a_stale_content(self, plan: Plan, other: User) -> None:
        body = {"content_hash": NONE, "mw": 5}
        assert told(unwritten(tokened(other), f"plans/{plan.pk}/estimate", body))[:2] == (409, ["content_hash"])


class TestBlindSecond:
    @pytest.fixture
    def partial(self, make: Callable[..., Plan], sybil: User) -> Plan:
        """Sybil has voted for it; a second vote is needed."""
        plan = make(required=2)
        body = {"content_hash": hash_of(plan), "reason": "I trust this one"}
        assert post(tokened(sybil), f"plans/{plan.pk}/approve", body).json()["status"] == "PARTIAL"
        return plan

    def test_who_is_still_to_vote_does_not_see_who_has(self, partial: Plan, other: User) -> None:
        body = tokened(other).get(f"{API}/plans/{partial.pk}").json()
        assert body["votes"] == []
        last = body["transitions"][-1]
        assert (last["to_status"], last["by"], last["reason"]) == ("PARTIAL", None, "")
        assert "sybil" not in json.dumps(body)
        assert "I trust this one" not in json.dumps(body)
        assert (body["approvals"], body["required_approvals"]) == (1, 2)

    @pytest.mark.parametrize("who", ["the voter", "the requester", "the auditor"])
    def test_others_do(self, who: str, partial: Plan, sybil: User, operator: User, auditor: User) -> None:
        reader = {"the voter": sybil, "the requester": operator, "the auditor": auditor}[who]
        body = tokened(reader).get(f"{API}/plans/{partial.pk}").json()
        assert [(vote["voter"], vote["reason"]) for vote in body["votes"]] == [("sybil", "I trust this one")]
        assert (body["transitions"][-1]["by"], body["transitions"][-1]["reason"]) == ("sybil", "I trust this one")

    def test_afterwards_all_is_seen(self, partial: Plan, other: User) -> None:
        client = tokened(other)
        post(client, f"plans/{partial.pk}/approve", {"content_hash": hash_of(partial)})
        body = client.get(f"{API}/plans/{partial.pk}").json()
        assert [vote["voter"] for vote in body["votes"]] == ["omar", "sybil"]
        assert [move["by"] for move in body["transitions"]][-2:] == ["sybil", "omar"]

    def test_votes_on_an_earlier_version_are_seen(
        self, partial: Plan, operator: User, other: User, pearland: Cohort
    ) -> None:
        asked = partial.requests.create(number=2, by=operator, at=clock.now(), strategy="balanced")
        add_version(partial, asked, pearland, builders.Wanted(approve_by=partial.approve_by or clock.now()))
        body = tokened(other).get(f"{API}/plans/{partial.pk}").json()
        assert [(vote["voter"], vote["version"]) for vote in body["votes"]] == [("sybil", 1)]


class TestDrift:
    def test_nothing_has_moved(self, plan: Plan, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans/{plan.pk}/drift")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["level"], [item["level"] for item in body["items"]]) == ("ok", ["ok"] * 5)

    def test_red(self, make: Callable[..., Plan], other: User) -> None:
        """The cohort of these tests has no accounts: what the plan says it rested on has gone."""
        plan = make(basis=Basis(None, None, None, Decimal(100), 100))
        body = tokened(other).get(f"{API}/plans/{plan.pk}/drift").json()
        assert body["level"] == "red"
        assert body["items"][3:] == [
            {
                "name": "Temperature, mean of window and cohorts",
                "unit": "°F",
                "then": 100.0,
                "now": None,
                "change": None,
                "change_unit": "°F",
                "level": "amber",
            },
            {
                "name": "Endpoints that may be called",
                "unit": "",
                "then": 100.0,
                "now": 0.0,
                "change": -100.0,
                "change_unit": "%",
                "level": "red",
            },
        ]
        answer = unwritten(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan), "reason": "x"})
        assert told(answer)[:2] == (409, [])

    def test_amber_asks_for_a_reason(self, make: Callable[..., Plan], other: User) -> None:
        plan = make(basis=Basis(None, None, None, Decimal(100), None))
        answer = unwritten(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert told(answer)[:2] == (422, ["reason"])

    @pytest.mark.parametrize("plan_id", ["987654321", "abc", "9" * 40])
    def test_of_a_plan_that_does_not_exist(self, plan_id: str, auditor: User) -> None:
        answer = tokened(auditor).get(f"{API}/plans/{plan_id}/drift")
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_of_a_plan_without_a_content(self, auditor: User) -> None:
        plan = Plan.objects.create(origin="AGENT", requested_at=clock.now(), mode="DRILL")
        answer = tokened(auditor).get(f"{API}/plans/{plan.pk}/drift")
        assert (answer.status_code, fields_of(answer)) == (404, [])

    def test_nobody_is_signed_in(self, plan: Plan) -> None:
        assert Client().get(f"{API}/plans/{plan.pk}/drift").status_code == 401


class TestBreakGlass:
    def body(self, plan: Plan, **more: Any) -> dict[str, Any]:
        usual = {"content_hash": hash_of(plan), "reason_code": "SAFETY", "incident": "INC-7", "reason": "fire"}
        return usual | more

    @pytest.fixture
    def forced(self, plan: Plan, sybil: User) -> BreakGlass:
        client = tokened(sybil)
        key = enrol(client, sybil)
        body = self.body(plan, assertion=signed(client, key, plan, "BREAK_GLASS"))
        answer = post(client, f"plans/{plan.pk}/break-glass", body)
        assert (answer.status_code, answer.json()["status"], answer.json()["approvals"]) == (200, "AUTHORISED", 0)
        return BreakGlass.objects.get()

    def test_is_listed_with_its_review(self, forced: BreakGlass, plan: Plan, sven: User, auditor: User) -> None:
        [row] = tokened(auditor).get(f"{API}/break-glass").json()["results"]
        for told_in_its_own_test in ("at", "review_due_at"):
            row.pop(told_in_its_own_test)
        expected = {
            "id": forced.pk,
            "plan": plan.pk,
            "version": 1,
            "content_hash": hash_of(plan),
            "by": "sybil",
            "reason_code": "SAFETY",
            "incident": "INC-7",
            "reason": "fire",
            "forced": ["0 of 1 votes"],
            "review": None,
        }
        assert row == expected
        body = {"finding": "NOT_JUSTIFIED", "text": "a drill"}
        answer = post(tokened(sven), f"break-glass/{forced.pk}/review", body)
        assert answer.status_code == 201
        review = answer.json()["review"]
        assert review.pop("reviewed_at")
        assert review == {"by": "sven", "finding": "NOT_JUSTIFIED", "text": "a drill"}
        again = unwritten(tokened(sven), f"break-glass/{forced.pk}/review", body)
        assert told(again) == (409, [], "It has been reviewed already.")

    def test_not_reviewed_by_who_forced_it(self, forced: BreakGlass, sybil: User) -> None:
        body = {"finding": "JUSTIFIED", "text": "mine"}
        answer = unwritten(tokened(sybil), f"break-glass/{forced.pk}/review", body)
        assert told(answer) == (403, [], "The review was refused: a second person reviews.")

    def test_without_a_passkey(self, plan: Plan, sybil: User) -> None:
        answer = unwritten(tokened(sybil), f"plans/{plan.pk}/break-glass", self.body(plan))
        assert told(answer) == (403, [], "It cannot be forced: it needs your passkey.")

    def test_not_by_an_operator(self, plan: Plan, other: User) -> None:
        answer = unwritten(tokened(other), f"plans/{plan.pk}/break-glass", self.body(plan))
        assert told(answer)[:2] == (403, [])
        assert PlanRefusal.objects.get().attempted == "break-glass"

    @pytest.mark.parametrize("field", ["incident", "reason"])
    def test_without_words(self, field: str, plan: Plan, sybil: User) -> None:
        answer = unwritten(tokened(sybil), f"plans/{plan.pk}/break-glass", self.body(plan, **{field: " "}))
        assert told(answer)[:2] == (422, [field])

    def test_above_the_cap(self, large: Plan, sybil: User) -> None:
        client = tokened(sybil)
        key = enrol(client, sybil)
        body = self.body(large, assertion=signed(client, key, large, "BREAK_GLASS"))
        answer = unwritten(client, f"plans/{large.pk}/break-glass", body)
        assert told(answer) == (403, [], "It cannot be forced: no more than 60 MW can be forced.")


class TestComments:
    def test_a_blocker_and_its_resolution(self, plan: Plan, other: User, sybil: User, auditor: User) -> None:
        body = {"content_hash": hash_of(plan), "text": "Is the school open?", "about": "cohorts", "blocker": True}
        answer = post(tokened(sybil), f"plans/{plan.pk}/comments", body)
        assert answer.status_code == 201
        said = answer.json()
        number = said["id"]
        assert said | {"at": None} == {
            "id": number,
            "version": 1,
            "by": "sybil",
            "text": "Is the school open?",
            "about": "cohorts",
            "blocker": True,
            "resolved": False,
            "at": None,
        }
        blocked = unwritten(tokened(other), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert told(blocked)[:2] == (409, [])
        assert told(unwritten(tokened(other), f"comments/{number}/resolve", {"text": "no"}))[:2] == (403, [])
        answer = post(tokened(sybil), f"comments/{number}/resolve", {"text": "It is closed."})
        assert (answer.status_code, answer.json()["resolved"]) == (201, True)
        again = unwritten(tokened(sybil), f"comments/{number}/resolve", {"text": "again"})
        assert told(again) == (409, [], "It was resolved already.")
        [row] = tokened(auditor).get(f"{API}/plans/{plan.pk}/comments").json()["results"]
        assert (row["id"], row["resolved"]) == (number, True)

    @pytest.mark.parametrize(
        ("change", "status", "fields"),
        [({"text": " "}, 422, ["text"]), ({"content_hash": NONE}, 409, ["content_hash"])],
    )
    def test_refused(self, change: Any, status: int, fields: list[str], plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "text": "x"} | change
        assert told(unwritten(tokened(other), f"plans/{plan.pk}/comments", body))[:2] == (status, fields)


class TestFreezes:
    def test_on_and_off(self, plan: Plan, other: User, sybil: User, auditor: User) -> None:
        answer = post(tokened(other), "freezes", {"reason": "line down at Katy"})
        assert answer.status_code == 201
        number = answer.json()["id"]
        assert answer.json() | {"starts_at": None} == {
            "id": number,
            "by": "omar",
            "reason": "line down at Katy",
            "starts_at": None,
            "ends_at": None,
            "lifted_by": None,
        }
        frozen = unwritten(tokened(sybil), f"plans/{plan.pk}/approve", {"content_hash": hash_of(plan)})
        assert told(frozen) == (
            409,
            [],
            "Approvals and sending are frozen: line down at Katy. A supervisor can lift the freeze.",
        )
        assert told(unwritten(tokened(other), f"freezes/{number}/lift", {"text": "mine"}))[:2] == (403, [])
        answer = post(tokened(sybil), f"freezes/{number}/lift", {"text": "line is back"})
        assert (answer.status_code, answer.json()["lifted_by"]) == (201, "sybil")
        again = unwritten(tokened(sybil), f"freezes/{number}/lift", {"text": "again"})
        assert told(again) == (409, [], "This freeze was lifted already, by sybil.")
        [row] = tokened(auditor).get(f"{API}/freezes").json()["results"]
        assert (row["id"], row["lifted_by"]) == (number, "sybil")

    def test_for_a_span(self, other: User) -> None:
        start = clock.now() + timedelta(hours=1)
        span = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=2)).isoformat()}
        assert post(tokened(other), "freezes", {"reason": "works on the line", **span}).status_code == 201
        kept = Freeze.objects.get()
        assert (kept.starts_at, kept.ends_at) == (start, start + timedelta(hours=2))

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"reason": " "}, ["reason"]),
            ({"reason": " \u200b\u2060"}, ["reason"]),
            ({"reason": "x", "ends_at": "2020-01-01T00:00:00Z"}, ["ends_at"]),
        ],
    )
    def test_refused(self, body: Any, fields: list[str], other: User) -> None:
        assert told(unwritten(tokened(other), "freezes", body))[:2] == (422, fields)


class TestDelegations:
    def body(self, **more: Any) -> dict[str, Any]:
        at = clock.now()
        span = {"starts_at": (at - timedelta(hours=1)).isoformat(), "ends_at": (at + timedelta(hours=1)).isoformat()}
        return {"delegate": "omar", "max_mw": 50, "reason": "on leave", "password": "sybil", **span, **more}

    def test_lend_use_and_end(self, make: Callable[..., Plan], other: User, sybil: User, auditor: User) -> None:
        answer = post(tokened(sybil), "delegations", self.body())
        assert answer.status_code == 201
        loan = answer.json()
        assert (loan["delegator"], loan["delegate"], loan["max_mw"], loan["ended"]) == ("sybil", "omar", 50.0, False)
        plan = make(largest_mw="20")
        body = {"content_hash": hash_of(plan), "password": "omar", "on_behalf_of": "sybil"}
        assert post(tokened(other), f"plans/{plan.pk}/approve", body).json()["status"] == "AUTHORISED"
        assert Vote.objects.get().on_behalf_of == sybil
        answer = post(tokened(other), f"delegations/{loan['id']}/end", {})
        assert (answer.status_code, answer.json()["ended"]) == (201, True)
        again = unwritten(tokened(sybil), f"delegations/{loan['id']}/end", {})
        assert told(again) == (409, [], "This delegation was ended already.")
        [row] = tokened(auditor).get(f"{API}/delegations").json()["results"]
        assert (row["id"], row["ended"]) == (loan["id"], True)

    @pytest.mark.parametrize(
        ("change", "status", "fields"),
        [
            ({"delegate": "nobody"}, 422, ["delegate"]),
            ({"delegate": "sybil"}, 422, ["delegate"]),
            ({"delegate": "ada"}, 403, []),
            ({"max_mw": 0}, 422, ["max_mw"]),
            ({"max_mw": -5}, 422, ["max_mw"]),
            ({"ends_at": "2020-01-01T00:00:00Z"}, 422, ["ends_at"]),
            ({"reason": " "}, 422, ["reason"]),
        ],
    )
    def test_refused(
        self, change: Any, status: int, fields: list[str], other: User, sybil: User, auditor: User
    ) -> None:
        answer = unwritten(tokened(sybil), "delegations", self.body(**change))
        assert told(answer)[:2] == (status, fields)
        assert not Delegation.objects.exists()

    @pytest.mark.parametrize(
        ("password", "says"),
        [
            (None, "This needs your password too: it changes who decides, or how."),
            ("omar", "The password is not right."),
        ],
    )
    def test_not_with_a_token_alone(self, password: str | None, says: str, other: User, sybil: User) -> None:
        answer = unwritten(tokened(sybil), "delegations", self.body(password=password))
        assert told(answer) == (403, ["password"], says)
        assert not Delegation.objects.exists()

    def test_nobody_else_ends_it(self, other: User, sybil: User, sven: User) -> None:
        loan = post(tokened(sybil), "delegations", self.body()).json()
        assert told(unwritten(tokened(sven), f"delegations/{loan['id']}/end", {}))[:2] == (404, [])

    def test_for_nobody(self, plan: Plan, other: User) -> None:
        body = {"content_hash": hash_of(plan), "on_behalf_of": "nobody"}
        assert told(unwritten(tokened(other), f"plans/{plan.pk}/approve", body))[:2] == (403, ["on_behalf_of"])

    def test_for_somebody_who_lent_nothing(self, plan: Plan, other: User, sybil: User) -> None:
        body = {"content_hash": hash_of(plan), "on_behalf_of": "sybil"}
        answer = unwritten(tokened(other), f"plans/{plan.pk}/approve", body)
        assert told(answer) == (403, [], "The vote was refused: no delegation covers this vote.")


class TestPolicies:
    def test_a_change_by_two_people(self, sybil: User, sven: User, auditor: User) -> None:
        rules = json.loads(DEFAULT_POLICY)
        rules["break_glass"]["max_mw"] = "40"
        answer = post(
            tokened(sybil), "approval-policies", {"rules": rules, "reason": "less alone", "password": "sybil"}
        )
        assert answer.status_code == 201
        made = answer.json()
        assert made == {
            "number": 2,
            "rules": rules,
            "rules_sha256": ApprovalPolicy.objects.get(number=2).rules_sha256,
            "proposed_by": "sybil",
            "confirmed_by": None,
            "reason": "less alone",
            "in_force": False,
        }
        alone = unwritten(tokened(sybil), "approval-policies/2/confirm", {"password": "sybil"})
        assert told(alone) == (403, [], "It cannot be confirmed: a change needs a second person.")
        answer = post(tokened(sven), "approval-policies/2/confirm", {"password": "sven"})
        assert (answer.status_code, answer.json()) == (201, made | {"confirmed_by": "sven", "in_force": True})
        listed = tokened(auditor).get(f"{API}/approval-policies").json()["results"]
        assert [(row["number"], row["in_force"]) for row in listed] == [(2, True), (1, False)]
        assert (listed[1]["rules"], listed[1]["proposed_by"]) == (json.loads(DEFAULT_POLICY), None)

    @pytest.mark.parametrize(
        ("body", "fields", "says"),
        [
            ({"rules": {}, "reason": "x"}, ["rules"], "policy: an object with exactly break_glass, rules is expected."),
            ({"rules": [], "reason": "x"}, ["rules"], "policy: an object with exactly break_glass, rules is expected."),
            (
                {"rules": "x", "reason": "x"},
                ["rules"],
                "policy: an object with exactly break_glass, rules is expected.",
            ),
            ({"rules": json.loads(DEFAULT_POLICY), "reason": " "}, ["reason"], "Say why: a reason is needed here."),
        ],
    )
    def test_refused(self, body: Any, fields: list[str], says: str, sybil: User) -> None:
        assert told(unwritten(tokened(sybil), "approval-policies", body)) == (422, fields, says)

    def test_not_with_two_tokens_alone(self, sybil: User, sven: User) -> None:
        body = {"rules": json.loads(DEFAULT_POLICY), "reason": "easier"}
        answer = unwritten(tokened(sybil), "approval-policies", body)
        needed = "This needs your password too: it changes who decides, or how."
        assert told(answer) == (403, ["password"], needed)
        assert post(tokened(sybil), "approval-policies", body | {"password": "sybil"}).status_code == 201
        assert told(unwritten(tokened(sven), "approval-policies/2/confirm", {})) == (403, ["password"], needed)
        assert policy_in_force().number == 1

    def test_not_by_an_operator(self, other: User) -> None:
        answer = unwritten(tokened(other), "approval-policies", {"rules": json.loads(DEFAULT_POLICY), "reason": "x"})
        assert told(answer)[:2] == (403, [])
