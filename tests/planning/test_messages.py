"""Who is written to as the time to decide runs out: those who can still vote, once for each step, never twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from planning import tasks
from planning.models import Escalation, Plan
from planning.operations import addresses_of, escalate_due
from portal.environment import Mail, parse_mail_url
from portal.models import User
from tests import factories
from tests.conftest import CommittedDatabase
from tests.planning.builders import AT, cohort, pending_plan, person
from tests.planning.crowd import session
from tests.planning.sql import AsRole, assert_refused
from tests.policies import approve as write_vote


@pytest.fixture(autouse=True)
def mail_is_on(settings: Any) -> None:
    settings.MAIL_IS_ON = True
    settings.PUBLIC_URL = "https://portal.example"


@pytest.fixture
def voters(db: None) -> dict[str, User]:
    """Olivia asks; omar, sam and root could vote, were root not a superuser; gina has left, oda gave no address."""
    factories.drill(at=AT)
    return {
        "olivia": person("olivia", "operator", email="olivia@example.com"),
        "omar": person("omar", "operator", email="omar@example.com"),
        "oda": person("oda", "operator"),
        "sam": person("sam", "supervisor", email="sam@example.com"),
        "root": person("root", "supervisor", email="root@example.com", is_superuser=True),
        "gina": person("gina", "operator", email="gina@example.com", is_active=False),
        "ada": person("ada", "auditor", email="ada@example.com"),
    }


@pytest.fixture
def plan(voters: dict[str, User]) -> Plan:
    """To be decided within 30 minutes of AT."""
    made = pending_plan(voters["olivia"], cohort())
    Plan.objects.update(run=1)
    return made


def tick(minutes: float) -> list[Escalation]:
    """The worker's minute."""
    made = escalate_due(at=AT + timedelta(minutes=minutes))
    for row in made:
        tasks.tell_escalation(row)
    return made


class TestMessage:
    def test_goes_to_who_can_still_vote(self, plan: Plan, as_role: AsRole) -> None:
        with as_role("worker"):
            [row] = tick(15)
        assert (row.share_pct, row.told) == (50, ["omar", "sam"])
        [sent] = mail.outbox
        assert (sent.to, sorted(sent.bcc)) == ([], ["omar@example.com", "sam@example.com"])
        assert sent.subject == f"DRILL: Plan {plan.pk} waits for your vote: 50 % of the time has passed"
        assert f"https://portal.example/plans/{plan.pk}/" in sent.body
        assert "Wed 12 Aug 2026 14:30 CDT" in sent.body
        assert "MW" not in sent.body

    def test_goes_once_for_each_step(self, plan: Plan) -> None:
        for minute in range(30):
            tick(minute)
            tick(minute)
        assert [each.subject.split(": ")[-1] for each in mail.outbox] == [
            f"{pct} % of the time has passed" for pct in (50, 75, 90)
        ]

    def test_of_steps_passed_at_once_the_last_tells(self, plan: Plan) -> None:
        assert [(row.share_pct, row.told) for row in tick(28)] == [(50, []), (75, []), (90, ["omar", "sam"])]
        assert len(mail.outbox) == 1

    def test_not_to_who_has_voted(self, plan: Plan, voters: dict[str, User]) -> None:
        write_vote(plan, voters["omar"], at=AT)
        assert "omar" not in addresses_of(plan.current_version)

    def test_none_where_mail_is_off(self, plan: Plan, settings: Any) -> None:
        settings.MAIL_IS_ON = False
        assert [row.told for row in tick(15)] == [[]]
        assert mail.outbox == []

    def test_a_server_that_fails_is_logged(self, plan: Plan, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.Broken"
        assert [row.told for row in tick(15)] == [["omar", "sam"]]
        assert "could not be sent" in caplog.text
        assert tick(15) == []

    def test_the_worker_reads_no_other_address(self, plan: Plan, as_role: AsRole) -> None:
        with as_role("worker"):
            assert_refused("permission denied", "SELECT email FROM portal_user")


class Broken(BaseEmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError


def test_two_workers_at_once(committed_db: CommittedDatabase) -> None:
    """Each step is recorded and told by one of them, whoever was first."""
    factories.drill(at=AT)
    person("sam", "supervisor", email="sam@example.com")
    pending_plan(person("olivia", "operator"), cohort())
    Plan.objects.update(run=1)
    barrier = threading.Barrier(2)

    def worker(at: datetime) -> int:
        with session("worker"):
            barrier.wait(30)
            rows = escalate_due(at=at)
            for row in rows:
                tasks.tell_escalation(row)
            return len(rows)

    for number, minutes in enumerate((16, 23, 28), start=1):
        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(worker, [AT + timedelta(minutes=minutes)] * 2)) == 1
        assert (Escalation.objects.count(), len(mail.outbox)) == (number, number)


class TestEnvironment:
    @pytest.mark.parametrize(
        ("url", "mail"),
        [
            ("", Mail(sender="x")),
            ("console:", Mail("console", sender="x")),
            ("smtp://mail.example", Mail("smtp", "mail.example", 25, sender="x")),
            (
                "smtp+tls://me:p%40ss@mail.example",
                Mail("smtp", "mail.example", 587, "me", "p@ss", tls=True, sender="x"),
            ),
            ("smtps://mail.example:1465", Mail("smtp", "mail.example", 1465, ssl=True, sender="x")),
        ],
    )
    def test_reads_where_mail_goes(self, url: str, mail: Mail) -> None:
        assert parse_mail_url(url, "x") == mail

    @pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example"])
    def test_refuses_what_is_none(self, url: str) -> None:
        with pytest.raises(ValueError, match="smtp"):
            parse_mail_url(url, "x")
