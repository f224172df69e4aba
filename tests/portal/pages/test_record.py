"""The record searched, access reviewed, break-glass reported."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from cohorts.models import Cohort
from planning.models import (
    BreakGlass,
    BreakGlassReview,
    Comment,
    Delegation,
    Freeze,
    Plan,
    StepUpChallenge,
    VoteAssertion,
)
from portal.evidence.material import names_of, who_of
from portal.evidence.searching import Wanted, search
from portal.evidence.sentences import KINDS, sentence_of
from portal.ledger.models import Link
from portal.ledger.sources import SOURCES
from portal.models import ApiToken, SignIn, User
from tests import factories
from tests.factories import PROPOSED_AT, seal
from tests.policies import some_key
from tests.portal.pages.browsing import as_, person, signed_in, text_of


@pytest.fixture
def sealed_plan(plan: Plan) -> Plan:
    """With a comment of Sam's, by a request."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT set_config(\'portal.context\', \'{"request": "ab12cd34", "person": 7}\', true)')
    Comment.objects.create(
        version=plan.current_version, by=person("sam", "supervisor"), text="100 % sure_of it", at=PROPOSED_AT
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('portal.context', '', true)")
    seal()
    return plan


class TestSentences:
    def test_every_recorded_table_has_words(self) -> None:
        assert {source.table for source in SOURCES} == set(KINDS)

    def test_every_event_can_be_said(self, sealed_plan: Plan) -> None:
        factories.approve(sealed_plan, User.objects.get(username="sam"))
        Freeze.objects.create(by=sealed_plan.requested_by, reason="a look", starts_at=PROPOSED_AT)
        found = search(Wanted(), closed=())
        who = who_of(names_of(found.entries))
        said = {sentence_of(entry, who=who) for entry in found.entries}
        assert "sam approved (signed in)" in said
        assert "sam commented: “100 % sure_of it”" in said
        assert "olivia froze approvals and sending: “a look”" in said
        assert "olivia asked for the plan: balanced" in said
        assert all(len(sentence) > 8 for sentence in said)


class TestSearch:
    def test_finds_by_each_filter(self, sealed_plan: Plan) -> None:
        client, sam = as_("auditor"), User.objects.get(username="sam")
        said = "sam commented: “100 % sure_of it”"
        hour = timedelta(hours=1)
        now = timezone.localtime()
        for query, there in {
            "": True,
            "words=100 %25 SURE_of": True,
            "words=100_%25": False,
            f"person={sam.pk}": True,
            f"person={sealed_plan.requested_by_id}": False,
            "kind=planning_comment": True,
            "kind=planning_vote": False,
            f"stream={sealed_plan.pk}": True,
            "stream=people": False,
            f"stream={sealed_plan.pk}&words=sure_of": True,
            f"since={now - hour:%Y-%m-%dT%H:%M}": True,
            f"until={now - hour:%Y-%m-%dT%H:%M}": False,
            "login=postgres": True,
            "login=portal_web": False,
            "request=ab12cd34": True,
            "request=ab12cd35": False,
        }.items():
            answer = client.get(f"/record/?{query}")
            assert (answer.status_code, said in text_of(answer)) == (200, there), query

    def test_shows_raw_text_place_and_request(self, sealed_plan: Plan) -> None:
        answer = as_("auditor").get("/record/?request=ab12cd34")
        link = Link.objects.get(event__source="planning_comment")
        text = text_of(answer)
        assert '"text": "100 % sure_of it"' in text
        assert f"SHA-256 {bytes(link.hash).hex()} ; request ab12cd34" in text
        assert f"no. {link.seq} {bytes(link.hash).hex()[:8]}" in text
        assert f'href="/plans/{sealed_plan.pk}/evidence/"' in answer.content.decode()

    @pytest.mark.parametrize("stream", ["", "people"])
    def test_pages_hold_everything_once_newest_first(self, stream: str, plan: Plan) -> None:
        for number in range(120):
            person(f"somebody{number}")
        seal()
        wanted, seen = Wanted(stream=stream), []
        while True:
            found = search(wanted, closed=())
            seen += [entry.event_id for entry in found.entries]
            if found.older is None:
                break
            wanted = Wanted(stream=stream, older=found.older)
        links = Link.objects.filter(stream=stream) if stream else Link.objects.all()
        expected = links.order_by("-seq") if stream else links.order_by("-event__at", "-event_id")
        assert seen == list(expected.values_list("event_id", flat=True))

    def test_says_when_nothing_matches_and_when_the_search_is_no_search(self, sealed_plan: Plan) -> None:
        client = as_("auditor")
        assert "No event matches." in text_of(client.get("/record/?words=nowhere-at-all"))
        assert client.get("/record/?request=not-hex").status_code == 422
        assert client.get("/record/?kind=planning_secret").status_code == 422
        assert client.get("/record/?older=9999999999999999999-1").status_code == 200

    def test_leaves_out_plans_the_reader_can_still_vote_on(self, thermostats: Cohort, sealed_plan: Plan) -> None:
        ruth = person("ruth", "supervisor")
        client = signed_in(ruth)
        text = text_of(client.get(f"/record/?stream={sealed_plan.pk}"))
        assert f"a vote to give on plan {sealed_plan.pk}" in text
        assert "sure_of" not in text
        assert "sure_of" not in client.get("/record/?csv=record").content.decode()
        factories.approve(sealed_plan, ruth)
        assert "sure_of" in text_of(client.get(f"/record/?stream={sealed_plan.pk}"))

    def test_is_for_who_audits(self, sealed_plan: Plan) -> None:
        for role, status in {"auditor": 200, "supervisor": 200, "operator": 403, "admin": 403}.items():
            assert as_(role).get("/record/").status_code == status

    def test_stands_in_the_navigation_of_who_may_see_it(self, plan: Plan) -> None:
        for role, address in {"auditor": "/record/", "admin": "/record/access/"}.items():
            assert f'href="{address}"' in as_(role).get("/").content.decode()
        assert "/record/" not in as_("operator").get("/").content.decode()

    def test_is_a_file_too(self, sealed_plan: Plan) -> None:
        answer = as_("auditor").get(f"/record/?stream={sealed_plan.pk}&csv=record")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert [int(row["seq"]) for row in rows] == sorted((int(row["seq"]) for row in rows), reverse=True)
        assert len(rows) == Link.objects.filter(stream=f"plan:{sealed_plan.pk}").count()


class TestAccessReview:
    def test_tells_roles_with_who_gave_them_and_what_to_ask_about(self, plan: Plan) -> None:
        giver = person("ada", "admin")
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('portal.context', %s, true)", [f'{{"person": {giver.pk}}}'])
        both = person("both", "admin", "operator")
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('portal.context', '', true)")
        person("gone", "operator")
        User.objects.filter(username="gone").update(is_active=False)
        SignIn.objects.create(user=both, outcome=SignIn.Outcome.SIGNED_IN)
        ApiToken.objects.create(user=both, digest="d")
        Delegation.objects.create(
            delegator=person("lena", "operator"),
            delegate=plan.requested_by,
            starts_at=PROPOSED_AT,
            ends_at=PROPOSED_AT + timedelta(hours=1),
            max_mw=5,
            reason="a break",
        )
        seal()
        answer = as_("auditor").get("/record/access/?csv=access-review")
        rows = {row["person"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
        assert rows["both"]["roles"] == "admin; operator"
        assert rows["both"]["granted"].count("by ada") == 2
        assert rows["both"]["to_ask_about"] == "votes and looks after accounts"
        assert (rows["both"]["api_tokens"], rows["lena"]["lent_to"]) == ("1", "olivia up to 5.0 MW")
        assert "Can vote for a plan" in rows["both"]["rights"]
        assert rows["gone"]["to_ask_about"] == "not active, and still has roles or tokens"
        assert rows["olivia"]["to_ask_about"] == "never signed in"
        assert rows["olivia"]["borrowed_from"] == "lena up to 5.0 MW"
        text = text_of(as_("supervisor").get("/record/access/"))
        assert "votes and looks after accounts" in text
        assert "lent to olivia, up to 5.0 MW" in text

    def test_a_name_that_begins_like_a_formula_is_text(self, plan: Plan) -> None:
        person("=1+1", "operator")
        body = as_("auditor").get("/record/access/?csv=access-review").content.decode()
        assert "\r\n'=1+1," in body

    def test_is_for_who_audits_supervises_or_looks_after_accounts(self, plan: Plan) -> None:
        for role, status in {"auditor": 200, "supervisor": 200, "admin": 200, "operator": 403}.items():
            client = as_(role)
            assert client.get("/record/access/").status_code == status
            assert client.get("/record/break-glass/").status_code == status


class TestBreakGlassReport:
    @pytest.fixture
    def forced(self, plan: Plan) -> BreakGlass:
        """By one supervisor; what its passkey signed is no signature."""
        version, by = plan.current_version, person("sybil", "supervisor")
        row = BreakGlass.objects.create(
            version=version,
            content_hash=version.content_hash,
            by=by,
            reason_code="SAFETY",
            incident="INC-7",
            reason="a fire",
            step_up="PASSKEY",
            at=PROPOSED_AT,
        )
        challenge = StepUpChallenge.objects.create(
            user=by,
            purpose="BREAK_GLASS",
            content_hash=version.content_hash,
            nonce=b"n",
            used_at=timezone.now(),
        )
        key = some_key(by)
        parts = {"client_data": b"-", "authenticator_data": b"-", "signature": b"-"}
        VoteAssertion.objects.create(break_glass=row, challenge=challenge, passkey=key, **parts)
        return row

    def rows(self) -> list[dict[str, str]]:
        reader = User.objects.filter(username="reader").first() or person("reader", "auditor")
        answer = signed_in(reader).get("/record/break-glass/?csv=break-glass")
        return list(csv.DictReader(io.StringIO(answer.content.decode())))

    def make_due(self, forced: BreakGlass, at: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE planning_breakglass DISABLE TRIGGER USER")
            cursor.execute("UPDATE planning_breakglass SET review_due_at = %s", [at])

    def test_a_use_that_waits_and_one_that_is_overdue(self, forced: BreakGlass) -> None:
        [row] = self.rows()
        assert (row["review"], row["reviewer"], row["incident"]) == ("to be reviewed", "", "INC-7")
        assert row["rules_not_met"] == "0 of 1 votes"
        self.make_due(forced, timezone.now() - timedelta(hours=1))
        assert [row["review"] for row in self.rows()] == ["overdue"]
        text = text_of(as_("supervisor").get("/record/break-glass/"))
        assert "1 uses in all, 1 not reviewed, 1 late" in text

    def test_a_review_in_time_and_one_that_was_late(self, forced: BreakGlass) -> None:
        BreakGlassReview.objects.create(
            break_glass=forced, by=person("sven", "supervisor"), finding="NOT_JUSTIFIED", text="there was time"
        )
        [row] = self.rows()
        assert (row["review"], row["reviewer"], row["finding"]) == ("reviewed in time", "sven", "NOT_JUSTIFIED")
        assert row["review_hours"] == "0.0"
        self.make_due(forced, timezone.now() - timedelta(hours=1))
        assert [row["review"] for row in self.rows()] == ["reviewed late"]

    def test_the_evidence_of_the_plan_has_it_with_its_review(self, forced: BreakGlass) -> None:
        BreakGlassReview.objects.create(
            break_glass=forced, by=person("sven", "supervisor"), finding="JUSTIFIED", text="right"
        )
        seal()
        text = text_of(as_("auditor").get(f"/plans/{forced.version.plan_id}/evidence/"))
        assert "Forced by sybil, without the votes it needed." in text
        assert "incident INC-7: “a fire” 0 of 1 votes passkey" in text
        assert "justified by sven" in text
