"""Cohorts in the supervisors' site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from cohorts.models import Account, Cohort, CohortChange
from portal.models import User

URL = "/admin/cohorts/cohort/"
FORM: dict[str, Any] = {
    "name": "Commercial Lighting Waco",
    "segment": "COMMERCIAL",
    "technology": "LIGHTING",
    "place": "Waco",
    "zip": "76701",
    "load_zone": "LZ_NORTH",
    "enrolled_mw": "0.3",
    "account_count": "40",
    "active": "on",
}
INLINE = {"changes-TOTAL_FORMS": "0", "changes-INITIAL_FORMS": "0"}


@pytest.fixture
def site(
    supervisor: User, pearland: Cohort, as_role: Callable[[str], AbstractContextManager[None]]
) -> Iterator[Client]:
    """A supervisor signed in, served with the web role's rights; `pearland` exists."""
    client = Client()
    with as_role("web"):
        client.force_login(supervisor)
        yield client


def edit_form(cohort: Cohort, **changes: Any) -> dict[str, Any]:
    names = [*FORM, "weather_place", "season_first_month", "season_last_month", "weekdays_only", "earliest_hour"]
    names += ["latest_hour", "min_event_min", "max_event_min", "notice_min", "max_events_per_day"]
    names += ["max_events_per_season", "rest_h", "incentive_usd_per_mwh", "call_fee_usd"]
    values = {name: getattr(cohort, name) for name in names if name != "account_count"}
    return {**{name: value for name, value in values.items() if value is not False}, **INLINE, **changes}


class TestCohortAdmin:
    def test_lists(self, site: Client) -> None:
        page = site.get(URL)
        assert page.status_code == 200
        assert "Residential Pearland" in page.content.decode()

    def test_creates_through_the_operation(self, site: Client, supervisor: User) -> None:
        assert site.get(f"{URL}add/").status_code == 200
        response = site.post(f"{URL}add/", FORM)
        assert response.status_code == 302, response.content.decode()
        cohort = Cohort.objects.get(name="Commercial Lighting Waco")
        assert (cohort.enrolled_mw, cohort.earliest_hour, cohort.weather_place) == (Decimal("0.300"), 8, "dallas")
        assert Account.objects.filter(cohort=cohort).count() == 40
        assert CohortChange.objects.get(cohort=cohort).by == supervisor

    def test_edits_through_the_operation(self, site: Client, supervisor: User, pearland: Cohort) -> None:
        page = site.get(f"{URL}{pearland.pk}/change/")
        assert page.status_code == 200
        assert "record of changes" in page.content.decode().lower()
        response = site.post(f"{URL}{pearland.pk}/change/", edit_form(pearland, enrolled_mw="2.5", latest_hour="20"))
        assert response.status_code == 302, response.content.decode()
        pearland.refresh_from_db()
        assert (pearland.enrolled_mw, pearland.latest_hour, pearland.account_count) == (Decimal("2.500"), 20, 500)
        change = CohortChange.objects.get(cohort=pearland, before__isnull=False)
        assert (change.by, change.before) == (supervisor, {"enrolled_mw": "1.500", "latest_hour": 21})

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("zip", "99999", "There is no ZIP 99999."),
            ("zip", "10001", "cohorts are in Texas"),
            ("name", "residential pearland", "Another cohort has"),
            ("account_count", "100001", "must be 1 to 100,000 accounts"),
            ("enrolled_mw", "0", "must be greater than 0 MW"),
        ],
    )
    def test_shows_a_refusal_at_its_field(self, site: Client, field: str, value: str, words: str) -> None:
        response = site.post(f"{URL}add/", {**FORM, field: value})
        assert response.status_code == 200
        assert words in str(response.context["adminform"].form.errors) + str(response.context["errors"])
        assert (Cohort.objects.count(), CohortChange.objects.count()) == (1, 1)

    def test_shows_a_refused_edit(self, site: Client, pearland: Cohort) -> None:
        response = site.post(f"{URL}{pearland.pk}/change/", edit_form(pearland, earliest_hour="22"))
        assert response.status_code == 200
        assert "later than earliest_hour" in str(response.context["adminform"].form.errors["latest_hour"])
        assert Cohort.objects.get(pk=pearland.pk).earliest_hour == 12
        assert CohortChange.objects.count() == 1

    def test_nothing_is_deleted(self, site: Client, pearland: Cohort) -> None:
        assert site.post(f"{URL}{pearland.pk}/delete/", {"post": "yes"}).status_code == 403
        assert Cohort.objects.filter(pk=pearland.pk).exists()

    def test_an_auditor_on_staff_may_look_only(self, site: Client, auditor: User, pearland: Cohort) -> None:
        User.objects.filter(pk=auditor.pk).update(is_staff=True)
        site.force_login(auditor)
        assert site.get(f"{URL}{pearland.pk}/change/").status_code == 200
        assert site.post(f"{URL}{pearland.pk}/change/", edit_form(pearland, notice_min="5")).status_code == 403
        assert site.post(f"{URL}add/", FORM).status_code == 403
        assert (Cohort.objects.count(), Cohort.objects.get().notice_min) == (1, 30)
