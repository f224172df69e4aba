"""Signals: to whom, what and whether it arrived; filters in the address; the same rows as a file."""

from __future__ import annotations

import pytest
from django.utils import timezone

from cohorts.core.response import Technology
from cohorts.models import Cohort
from dispatch.models import Receipt, Signal
from dispatch.operations import run_once
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, Called
from tests.portal.pages.browsing import as_, person, text_of

THERMOSTATS, VEHICLES = "residential-standard-dallas", "residential-ev-dallas"


@pytest.fixture
def sent(thermostats: Cohort, asker: User) -> Plan:
    """Two signals: the vehicles' received, the thermostats' sent."""
    vehicles = factories.cohort(VEHICLES, technology=Technology.EV)
    plan = factories.plan_of({thermostats: [Called(100)], vehicles: [Called(50)]}, requested_by=asker)
    factories.approve(plan, person("sam", "supervisor"))
    factories.move(plan, Status.AUTHORISED)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())
    received = Signal.objects.get(planned_event__cohort=vehicles)
    Signal.objects.filter(pk=received.pk).update(status=Signal.Status.RECEIVED)
    Receipt.objects.create(signal=received, at=PROPOSED_AT)
    return plan


class TestList:
    def test_counts_stand_on_top(self, sent: Plan) -> None:
        assert "All 2 Queued 0 Sent 1 Received 1 Cancelled 0" in text_of(as_("auditor").get("/signals/"))

    def test_says_receiver_status_bytes_and_leads_to_the_preview(self, sent: Plan) -> None:
        answer = as_("auditor").get("/signals/")
        text, signal = text_of(answer), Signal.objects.get(planned_event__cohort__slug=THERMOSTATS)
        assert f"plan-{sent.pk}-v1-{THERMOSTATS} to " in text
        assert "sent" in text
        assert "received" in text
        assert "Wed 6 Sep 16:00–18:00 CDT" in text
        assert f"{len(bytes(signal.payload)):,} bytes" in text
        assert signal.payload_sha256[:12] in text
        assert f'href="/plans/{sent.pk}/#payloads"' in answer.content.decode()

    def test_nothing_yet(self) -> None:
        assert "No signal has gone out." in text_of(as_("auditor").get("/signals/"))


class TestFilters:
    def test_by_plan(self, sent: Plan) -> None:
        client = as_("auditor")
        assert f"Signals of plan {sent.pk}" in text_of(client.get(f"/signals/?plan={sent.pk}"))
        assert "No signal matches." in text_of(client.get("/signals/?plan=999999"))

    def test_by_status_while_the_counts_stay(self, sent: Plan) -> None:
        text = text_of(as_("auditor").get("/signals/?status=RECEIVED"))
        assert f"plan-{sent.pk}-v1-{VEHICLES}" in text
        assert f"plan-{sent.pk}-v1-{THERMOSTATS}" not in text
        assert "All 2 Queued 0 Sent 1 Received 1" in text

    def test_by_cohort(self, sent: Plan, thermostats: Cohort) -> None:
        text = text_of(as_("auditor").get(f"/signals/?cohort={thermostats.pk}"))
        assert f"plan-{sent.pk}-v1-{VEHICLES}" not in text
        assert "All 1" in text

    def test_what_cannot_be_read_is_left_out(self, sent: Plan) -> None:
        text = text_of(as_("auditor").get("/signals/?plan=x&status=LOST&cohort=%C2%B2&before=-1"))
        assert "All 2" in text
        assert "Signals of plan" not in text

    def test_older_ones_go_on_from_the_cursor(self, sent: Plan) -> None:
        newest = Signal.objects.order_by("-pk")[0]
        text = text_of(as_("auditor").get(f"/signals/?before={newest.pk}"))
        assert newest.planned_event.event_name not in text


def test_as_a_file_with_the_same_filter(sent: Plan) -> None:
    signal = Signal.objects.get(status="RECEIVED")
    lines = as_("auditor").get("/signals/?status=RECEIVED&csv=signals").content.decode().split("\r\n")
    assert len(lines) == 3
    assert lines[0].startswith("plan,event,kind,cohort,receiver,simulated,starts_at,ends_at,mw,status")
    cells = lines[1].split(",")
    assert cells[:4] == [str(sent.pk), f"plan-{sent.pk}-v1-{VEHICLES}", "EVENT", "Residential Ev Dallas"]
    assert cells[6:8] == ["2023-09-06T16:00:00-05:00", "2023-09-06T18:00:00-05:00"]
    assert cells[9] == "RECEIVED"
    assert cells[12:] == ["2023-09-06T14:00:00-05:00", str(len(bytes(signal.payload))), signal.payload_sha256]
