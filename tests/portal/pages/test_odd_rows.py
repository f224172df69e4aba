"""Rows written by hand with a login of the portal's: what nobody could read is refused, and no row hides the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from planning.models import Plan, PlanRequest, StepUpChallenge
from portal.evidence.searching import Wanted, search
from tests.factories import seal
from tests.portal.pages.browsing import as_, person, signed_in, text_of

WRONG_CONTEXTS = (
    "[" * 2000,
    '{"request": "\\ud800", "person": 1}',
    '{"person": ' + "9" * 1900 + "}",
    '{"person": NaN, "roles": 7, "request": [1]}',
    '{"request": "',
    "[1, 2]",
)


def by_hand(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def commented(plan: Plan, text: str, *, at: str = "2026-08-18T20:00:00Z", wall_at: str = "now") -> None:
    by_hand(
        "INSERT INTO planning_comment (text, about, blocker, at, wall_at, by_id, version_id)"
        " VALUES (%s, '', false, %s, %s::timestamptz, %s, %s)",
        *(text, at, wall_at, plan.requested_by_id, plan.current_version_id),
    )


@pytest.mark.parametrize("context", WRONG_CONTEXTS, ids=lambda text: text[:20])
def test_whatever_a_login_says_of_its_request_the_pages_stand(plan: Plan, context: str) -> None:
    by_hand("SELECT set_config('portal.context', %s, true)", context)
    commented(plan, "said by hand")
    by_hand("SELECT set_config('portal.context', '', true)")
    seal()
    client = as_("auditor")
    assert "said by hand" in text_of(client.get(f"/record/?stream=plan:{plan.pk}"))
    assert "said by hand" in text_of(client.get(f"/plans/{plan.pk}/evidence/"))


def test_a_row_without_end_is_cut_on_the_page_and_on_paper_and_whole_in_json(plan: Plan) -> None:
    commented(plan, "long " * 40_000)
    seal()
    client, address = as_("auditor"), f"/plans/{plan.pk}/evidence"
    text = text_of(client.get(f"{address}/"))
    assert "(cut here; 200,002 letters in the record)" in text
    assert len(text) < 100_000
    assert client.get(f"{address}.pdf").content.startswith(b"%PDF")
    body = next(e["body"] for e in client.get(f"{address}.json").json()["events"] if e["source"] == "planning_comment")
    assert len(json.loads(body)["text"]) == 200_000
    assert len(client.get(f"/record/?stream=plan:{plan.pk}").content) < 150_000


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "4000-01-01 BC", "294270-01-01"])
def test_an_instant_that_is_none_is_refused(plan: Plan, instant: str) -> None:
    with pytest.raises(IntegrityError, match="_is_one"), transaction.atomic():
        commented(plan, "when?", at=instant)


@pytest.mark.parametrize("cohorts", ["[1e5000]", '{"a": 1}', "[" * 3000 + "]" * 3000, '"x"', "[-1]", "[1.5]"])
def test_a_request_for_what_is_no_list_of_cohorts_is_refused(plan: Plan, cohorts: str) -> None:
    change = "INSERT INTO planning_planrequest (number, at, wall_at, strategy, cohort_ids, based_on_hash, reason,"
    change += " idempotency_key, plan_id) VALUES (9, now(), now(), 'balanced', %s::jsonb, '', '', '', %s)"
    with pytest.raises(IntegrityError, match="request_cohorts_are_numbers"), transaction.atomic():
        by_hand(change, cohorts, plan.pk)
    assert PlanRequest.objects.filter(plan=plan).count() == 1


def test_what_was_there_before_and_cannot_be_read_is_set_apart(plan: Plan) -> None:
    by_hand("ALTER TABLE planning_comment DROP CONSTRAINT instant_5_is_one")
    commented(plan, "a real one")
    commented(plan, "never", at="infinity")
    commented(plan, "earlier than it was", wall_at="2020-01-01T00:00:00Z")
    seal()
    text = text_of(as_("auditor").get(f"/plans/{plan.pk}/evidence/"))
    assert "2 of its events are sealed as written, but not as the portal writes" in text
    assert "leave out the 1 of them that cannot be read" in text
    assert "“at” is no instant: infinity" in text
    assert "it says it was written at 2020-01-01T00:00:00+00:00" in text
    assert "“a real one”" in text
    assert "“never”" not in text


class TestBlindness:
    def test_who_is_still_to_vote_is_not_told_who_signed(self, plan: Plan) -> None:
        assert plan.current_version is not None
        first, second = person("rita", "operator"), person("sam", "supervisor")
        content_hash = plan.current_version.content_hash
        StepUpChallenge.objects.create(user=first, purpose="APPROVE", content_hash=content_hash, nonce=b"n" * 32)
        seal()
        closed = [f"plan:{plan.pk}"]
        for wanted in (Wanted(stream="people"), Wanted(source="planning_stepupchallenge"), Wanted(words="APPROVE")):
            assert "planning_stepupchallenge" not in {x.source for x in search(wanted, closed=closed).entries}
        assert "was asked for a passkey" not in text_of(signed_in(second).get("/record/?stream=people"))
        assert "rita was asked for a passkey: approve" in text_of(as_("auditor").get("/record/?stream=people"))
