"""A portal without readings or cohorts says what is missing and who brings it; a stale feed is hatched and named."""

from __future__ import annotations

import re
from datetime import timedelta

from django.core.cache import cache

from cohorts.models import Cohort
from grid.models import Clock, Snapshot
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, person, signed_in, text_of

LINK = 'href="/admin/cohorts/cohort/add/"'


class TestFirstSteps:
    def test_go_away_once_all_is_there(self, thermostats: Cohort) -> None:
        assert "Before the first plan" not in text_of(as_("operator").get("/"))

    def test_name_the_cohorts_that_are_missing(self) -> None:
        answer = as_("operator").get("/")
        assert "done A reading of the grid. It is being read." in text_of(answer)
        assert "missing A cohort that can be called. None is enrolled yet; a supervisor adds them." in text_of(answer)
        assert LINK not in answer.content.decode()

    def test_lead_there_whoever_may_add_them(self) -> None:
        supervisor = person("sue", "supervisor")
        supervisor.is_staff = True
        supervisor.save()
        assert LINK in signed_in(supervisor).get("/").content.decode()

    def test_name_the_reading_that_is_missing(self, thermostats: Cohort) -> None:
        Snapshot.objects.all().delete()
        cache.clear()
        answer = as_("operator").get("/")
        assert "missing A reading of the grid. The worker reads it" in text_of(answer)
        assert "Nothing has been read from the grid yet." in text_of(answer)


class TestStaleFeed:
    def test_is_hatched_and_named(self, thermostats: Cohort) -> None:
        client = as_("operator")
        assert "kpi stale" not in client.get("/").content.decode()
        Clock.objects.update(scenario_anchor=PROPOSED_AT + timedelta(hours=3))
        cache.clear()
        answer = client.get("/")
        assert answer.content.decode().count('class="kpi stale"') == 4
        assert re.search(r"Load, reserves and price: .* 3 h old stale", text_of(answer))
        assert "▲ Grid feed stale, 3 h old" in text_of(answer)
