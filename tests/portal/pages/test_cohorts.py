"""Cohorts: three numbers kept apart, the map, flexibility by hour, budgets; and one cohort with its past."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from cohorts.core.response import Technology
from cohorts.models import Account, Cohort, Endpoint
from dispatch.models import CohortTelemetry, Signal
from dispatch.operations import run_once
from grid.core.intervals import HOUR
from planning.core.lifecycle import Status
from planning.models import Plan
from portal.models import User
from tests import factories
from tests.factories import PROPOSED_AT, WINDOW_END, WINDOW_START, Called
from tests.portal.pages.browsing import as_, person, text_of


@pytest.fixture
def warm(thermostats: Cohort) -> Cohort:
    """The thermostats, with two days of 100 degrees known."""
    factories.observe_temperature(start=PROPOSED_AT - 60 * HOUR, hours=48)
    return thermostats


@pytest.fixture
def called(thermostats: Cohort, asker: User) -> Plan:
    """100 of the thermostats were called from 16:00 to 18:00."""
    plan = factories.plan_of({thermostats: [Called(100)]}, requested_by=asker)
    factories.approve(plan, person("sam", "supervisor"))
    factories.move(plan, Status.AUTHORISED)
    run_once(at=PROPOSED_AT, wall_at=timezone.now())
    plan.refresh_from_db()
    return plan


class TestList:
    def test_three_numbers_and_the_place(self, warm: Cohort) -> None:
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "1 Residential Standard Dallas Dallas, smart thermostats North 200 0.6 0.1 0.1" in text
        assert "All active 0.6 0.1 0.1" in text

    def test_zones_with_price_and_what_is_there(self, warm: Cohort) -> None:
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "North Residential Standard Dallas 45.0 0.6 0.1" in text
        assert "Houston Houston; no cohort not known – –" in text
        assert "LCRA in several counties, no one city; no cohort" in text

    def test_nobody_enrolled(self) -> None:
        assert "No cohort is enrolled yet." in text_of(as_("auditor").get("/cohorts/"))

    def test_one_that_is_not_active_is_listed_without_mw(self, warm: Cohort) -> None:
        Cohort.objects.update(active=False)
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "North 200 0.6 0.0 0.0 not active" in text
        assert "0 of 1 0 of 25 none not active" in text


class TestMap:
    def test_names_each_cohort_with_its_mw_and_says_what_it_is_made_of(self, warm: Cohort) -> None:
        answer = as_("auditor").get("/cohorts/")
        text = text_of(answer)
        assert "1 Residential Standard Dallas 0.1 of 0.6 MW" in text
        assert "North 45 $/MWh" in text
        assert "U.S. Census Bureau cartographic boundary files, through us-atlas" in text
        assert "no border is drawn" in text
        assert answer.content.decode().count('id="texas-outline"') == 1

    def test_without_the_file_the_page_says_so(self, warm: Cohort, settings: LazySettings, tmp_path: object) -> None:
        from portal.views.maps import drawing, texas

        for kept in (texas.boundaries, drawing._fit, drawing.ground):
            kept.cache_clear()
        settings.NODE_MODULES = tmp_path
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "No map: the boundary file (npm package us-atlas) is not installed" in text
        assert "Residential Standard Dallas" in text


class TestHours:
    def test_hours_outside_the_programme_are_marked_in_words(self, warm: Cohort) -> None:
        answer = as_("auditor").get("/cohorts/")
        # 12:00 to 21:00 on weekdays: 14 to 20 today, 12 and 13 tomorrow
        assert answer.content.decode().count("no call allowed</span>") == 24 - 9
        assert [hour.allowed for hour in answer.context["strips"][0].hours] == [True] * 7 + [False] * 15 + [True] * 2

    def test_not_known_without_a_temperature(self, surroundings: None) -> None:
        factories.cohort("residential-ev-tyler", technology=Technology.EV, weather_place="tyler")
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "not known: no temperature of Tyler" in text
        assert "All active ? ?" in text

    def test_as_a_file(self, warm: Cohort) -> None:
        lines = as_("auditor").get("/cohorts/?csv=hours").content.decode().split("\r\n")
        assert lines[0] == "cohort,starts_at,firm_p90_mw,available_p50_mw,p90_mw,call_allowed"
        assert lines[1].startswith("Residential Standard Dallas,2023-09-06T14:00:00-05:00,0.1")
        assert lines[1].endswith(",True")
        assert lines[8] == "Residential Standard Dallas,2023-09-06T21:00:00-05:00,,,,False"
        assert len(lines) == 26


class TestBudgets:
    def test_unused(self, warm: Cohort) -> None:
        assert "Residential Standard Dallas 0 of 1 0 of 25 none may be called" in text_of(
            as_("auditor").get("/cohorts/")
        )

    def test_a_decided_call_counts_before_it_begins(self, called: Plan) -> None:
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "1 of 1 1 of 25 none used up today next call 16:00" in text

    def test_rest_after_it(self, called: Plan) -> None:
        factories.drill(at=WINDOW_END + 6 * HOUR + timedelta(minutes=30))  # 00:30 of the next day; rests 16 h to 10:00
        text = text_of(as_("auditor").get("/cohorts/"))
        assert "0 of 1 1 of 25 9 h 30 min left resting" in text

    @pytest.mark.parametrize(
        ("allowed", "words"),
        [(1, "season used up"), (2, "last call"), (10, "may be called")],
    )
    def test_near_its_end(self, allowed: int, words: str, called: Plan) -> None:
        Cohort.objects.update(max_events_per_season=allowed)
        factories.drill(at=WINDOW_END + 24 * HOUR)
        assert f"0 of 1 1 of {allowed} none {words}" in text_of(as_("auditor").get("/cohorts/"))

    def test_as_a_file(self, called: Plan) -> None:
        lines = as_("auditor").get("/cohorts/?csv=budgets").content.decode().split("\r\n")
        assert lines[1] == "Residential Standard Dallas,1,1,1,25,,2023-09-06T16:00:00-05:00,used up today"

    def test_stand_on_the_overview_too(self, called: Plan) -> None:
        text = text_of(as_("auditor").get("/"))
        assert "Residential Standard Dallas used up today 1 of 25" in text


class TestOne:
    def test_budget_accounts_and_endpoints(self, warm: Cohort) -> None:
        Account.objects.filter(number__lte=3).update(status="OPTED_OUT")
        Account.objects.filter(number=4).update(status="UNENROLLED")
        Endpoint.objects.filter(account__number=5).update(online=False)
        text = text_of(as_("auditor").get(f"/cohorts/{warm.pk}/"))
        assert "Enrolled 196 of 200 Endpoints online 195 of 196 enrolled Opted out 3" in text
        assert "Left 1 left the programme" in text
        assert "This season 0 of 25, 25 left" in text
        assert "It has not been called yet." in text

    def test_past_events_delivered_against_planned(self, called: Plan, thermostats: Cohort) -> None:
        signal = Signal.objects.get()
        CohortTelemetry.objects.bulk_create(
            CohortTelemetry(
                signal=signal,
                starts_at=WINDOW_START + timedelta(minutes=5 * step),
                curtailed_mw=0.2 if step < 12 else 0.1 if step < 24 else -0.4,  # the last is rebound
                responding=90,
                opt_outs=min(step, 7),
                offline=1,
            )
            for step in range(30)
        )
        factories.move(called, Status.COMPLETED, at=WINDOW_END)
        factories.drill(at=WINDOW_END + HOUR)
        client = as_("auditor")
        text = text_of(client.get(f"/cohorts/{thermostats.pk}/"))
        assert f"Plan {called.pk} Wed 6 Sep 16:00–18:00 CDT completed" in text
        lines = client.get(f"/cohorts/{thermostats.pk}/?csv=events").content.decode().split("\r\n")
        assert lines[1] == (
            f"{called.pk},2023-09-06T16:00:00-05:00,2023-09-06T18:00:00-05:00,{float(signal.mw)},0.15,7,COMPLETED"
        )

    def test_has_its_own_map(self, warm: Cohort) -> None:
        body = as_("auditor").get(f"/cohorts/{warm.pk}/").content.decode()
        assert 'aria-label="Map of Texas: the 1 ZIP places of Residential Standard Dallas."' in body
