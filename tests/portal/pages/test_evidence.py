"""The evidence pack: five questions answered from the record, for a program too, and closed to who still votes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from cohorts.models import Cohort
from dispatch.models import Signal
from dispatch.operations import measure_events, run_once, simulate_responses
from planning.core.lifecycle import Status
from planning.models import Comment, Estimate, Plan, PlanRefusal, PlanViewing
from portal.ledger.core.chain import ORIGIN, Sealed, link_hash
from portal.ledger.models import Link
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called, seal
from tests.portal.pages.browsing import as_, person, signed_in, text_of

QUESTIONS = ("Who knew what?", "Who decided?", "What exactly went out?", "To whom?", "What came back?")


@pytest.fixture
def sam(surroundings: None) -> User:
    return person("sam", "supervisor")


@pytest.fixture
def whole(plan: Plan, thermostats: Cohort, asker: User, sam: User) -> Plan:
    """Proposed, commented, refused, looked at, changed, approved, sent, measured."""
    first = plan.current_version
    Comment.objects.create(version=first, by=sam, text="Is it hot enough?", blocker=False, at=PROPOSED_AT)
    PlanRefusal.objects.create(plan=plan, by=asker, attempted="approve", why="You asked for it.", at=PROPOSED_AT)
    changed = factories.add_version(plan, {thermostats: [Called(80)]})
    PlanViewing.objects.create(version=changed, by=sam, seconds=42)
    for voter in (sam, person("rita", "operator")):
        factories.approve(plan, voter)
    factories.move(plan, Status.AUTHORISED, by=sam)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())
    at = WINDOW_START - timedelta(minutes=15)
    while at < WINDOW_END + timedelta(hours=1):
        at += timedelta(minutes=15)
        factories.drill(at=at)
        run_once(at=at, wall_at=timezone.now())
        simulate_responses(at=at, wall_at=timezone.now(), seed=1)
        measure_events(at=at, wall_at=timezone.now())
    seal()
    return plan


class TestPage:
    def test_answers_the_five_questions(self, whole: Plan) -> None:
        answer = as_("auditor").get(f"/plans/{whole.pk}/evidence/")
        text = text_of(answer)
        assert [question for question in QUESTIONS if f"<h2>{question}</h2>" in answer.content.decode()] == [*QUESTIONS]
        assert "It stood before the eyes of sam" in text
        assert "sam version 2 42 s" in text
        assert "sam version 1 comment “Is it hot enough?”" in text
        assert "Accounts called 100 80" in text
        assert "Asked for by olivia." in text
        assert "Version 2 was approved by sam (passkey) and rita (passkey)." in text
        assert "olivia approve You asked for it." in text
        assert "1 OpenADR events went out; 0 were written and not sent." in text
        assert "Each event's bytes hash to the SHA-256 that stands in the approved content." in text
        signal = Signal.objects.get()
        assert f"{signal.payload_sha256} (as approved)" in text
        assert f"To {signal.ven.name} (simulated); 1 of 1 were received." in text
        assert "MW delivered on average" in text
        assert "Of 80 endpoints" in text

    def test_each_row_names_its_place_in_the_record(self, whole: Plan) -> None:
        body = as_("auditor").get(f"/plans/{whole.pk}/evidence/").content.decode()
        vote = Link.objects.filter(event__source="planning_vote").order_by("seq").first()
        assert f"plan:{whole.pk} no. {vote.seq}, SHA-256 {bytes(vote.hash).hex()}, recorded " in body

    def test_says_when_nobody_signed_what_stands_as_a_signature(self, whole: Plan) -> None:
        """The votes here carry bytes that no passkey made."""
        text = text_of(as_("auditor").get(f"/plans/{whole.pk}/evidence/"))
        assert text.count("Checked now with the recorded key: DOES NOT HOLD") == 2

    def test_says_that_the_stream_is_unbroken(self, whole: Plan) -> None:
        count = Link.objects.filter(stream=f"plan:{whole.pk}").count()
        text = text_of(as_("auditor").get(f"/plans/{whole.pk}/evidence/"))
        assert f"{count} events, unbroken" in text
        assert "none covers the last event yet" in text

    @pytest.mark.parametrize(
        ("attack", "said"),
        [
            (
                "UPDATE ledger_event SET body = replace(body, '42', '43') WHERE source = 'planning_planviewing'",
                "is not what was sealed",
            ),
            (
                "DELETE FROM ledger_link l USING ledger_event e WHERE e.id = l.event_id AND e.source = 'planning_vote'",
                "is missing",
            ),
        ],
    )
    def test_says_what_is_wrong_with_it(self, whole: Plan, attack: str, said: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE ledger_event DISABLE TRIGGER USER; ALTER TABLE ledger_link DISABLE TRIGGER USER"
            )
            cursor.execute(attack)
        answer = as_("auditor").get(f"/plans/{whole.pk}/evidence/")
        assert 'role="alert"' in answer.content.decode()
        assert said in text_of(answer)
        assert "NOT what was sealed" in text_of(answer)

    def test_a_plan_that_nothing_happened_to_says_so(self, plan: Plan) -> None:
        seal()
        text = text_of(as_("auditor").get(f"/plans/{plan.pk}/evidence/"))
        assert "Nobody voted on the version that stands." in text
        assert "Nothing went out." in text
        assert "To nobody." in text
        assert "Nothing is measured." in text

    def test_is_linked_from_plan_and_event(self, whole: Plan) -> None:
        client = as_("auditor")
        for path in (f"/plans/{whole.pk}/", f"/events/{whole.pk}/"):
            assert f'href="/plans/{whole.pk}/evidence/"' in client.get(path).content.decode()

    def test_unknown_plans_and_events_are_404(self, whole: Plan) -> None:
        client = as_("auditor")
        for path in ("/plans/99999/evidence/", "/plans/99999/evidence.json", f"/plans/{whole.pk}/evidence/1/"):
            assert client.get(path).status_code == 404


class TestStillToVote:
    @pytest.fixture
    def tiered(self, thermostats: Cohort, asker: User, sam: User) -> Plan:
        """Emergency: two people, blind to each other, each after an estimate of their own."""
        found = factories.plan_of({thermostats: [Called(100)]}, requested_by=asker)
        Estimate.objects.create(version=found.current_version, by=person("ruth", "supervisor"), mw=3, at=PROPOSED_AT)
        seal()
        return found

    def test_who_could_vote_sees_nothing_of_it(self, tiered: Plan, sam: User) -> None:
        client = signed_in(sam)
        answer = client.get(f"/plans/{tiered.pk}/evidence/")
        assert "opens for you once you have voted" in text_of(answer)
        assert "ruth" not in text_of(answer)
        seq = Link.objects.get(event__source="planning_plannedevent").seq
        for path in ("evidence.json", "evidence.pdf", f"evidence/{seq}/"):
            refused = client.get(f"/plans/{tiered.pk}/{path}")
            assert (refused.status_code, b"ruth" in refused.content) == (409, False)

    def test_who_asked_or_audits_sees_it(self, tiered: Plan, asker: User) -> None:
        for client in (signed_in(asker), as_("auditor")):
            assert "ruth version 1 3.0" in text_of(client.get(f"/plans/{tiered.pk}/evidence/"))

    def test_opens_after_the_vote(self, tiered: Plan, sam: User) -> None:
        factories.approve(tiered, sam)
        assert "Who decided?" in text_of(signed_in(sam).get(f"/plans/{tiered.pk}/evidence/"))

    def test_needs_the_right_to_see_plans(self, tiered: Plan) -> None:
        assert signed_in(person("nobody")).get(f"/plans/{tiered.pk}/evidence/").status_code == 403


class TestDownloads:
    def test_a_program_can_recompute_the_chain(self, whole: Plan) -> None:
        answer = as_("auditor").get(f"/plans/{whole.pk}/evidence.json")
        pack = json.loads(answer.content)
        assert f"evidence-plan-{whole.pk}-" in answer["Content-Disposition"]
        before = ORIGIN.hex()
        for place, event in enumerate(pack["events"], 1):
            fields = {name: event[name] for name in Sealed._fields} | {"prev": bytes.fromhex(event["prev"])}
            assert (event["seq"], event["prev"]) == (place, before)
            before = link_hash(Sealed(**fields)).hex()
            assert event["hash"] == before
        assert pack["verified"]["head"] == before
        assert (pack["verified"]["unbroken"], pack["verified"]["events"]) == (True, len(pack["events"]))
        assert [section["question"] for section in pack["sections"]] == [*QUESTIONS]
        votes = next(table for table in pack["sections"][1]["tables"] if table["key"] == "votes")
        assert votes["rows"][0]["cells"][:2] == ["sam", "approved"]
        sealed, _assertion = votes["rows"][0]["sealed_as"]
        assert pack["events"][sealed["seq"] - 1]["source"] == "planning_vote"

    def test_the_bytes_are_those_that_went_out(self, whole: Plan) -> None:
        signal = Signal.objects.get()
        seq = Link.objects.filter(event__source="dispatch_signal").order_by("seq").first().seq
        answer = as_("auditor").get(f"/plans/{whole.pk}/evidence/{seq}/")
        assert answer.content == bytes(signal.payload)
        assert f"plan-{whole.pk}-no-{seq}-payload.json" in answer["Content-Disposition"]

    def test_pdf_has_its_name_and_pages(self, whole: Plan) -> None:
        answer = as_("auditor").get(f"/plans/{whole.pk}/evidence.pdf")
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        assert f"Evidence of plan {whole.pk}, DRILL".encode() in answer.content
        assert answer.content.count(b"/Type /Page\n") >= 2

    def test_letters_the_font_lacks_leave_a_trace(self, whole: Plan) -> None:
        Comment.objects.create(
            version=whole.current_version, by=person("ida", "operator"), text="はい <b>", at=PROPOSED_AT
        )
        assert as_("auditor").get(f"/plans/{whole.pk}/evidence.pdf").status_code == 200
