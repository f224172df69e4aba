"""What cohorts can do: the three numbers, and the band by quarter-hour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cohorts.core.response import RESPONSE_MODELS, Technology, flexibility_mw
from cohorts.demo import seed_demo_cohorts
from cohorts.models import Account, Cohort
from cohorts.operations import create_cohort
from cohorts.queries import (
    CohortUnknown,
    FlexibilitySpanRefused,
    active_cohorts,
    availability_now,
    availability_of,
    cohort_by_id,
    cohort_flexibility,
    eligible_endpoint_numbers,
)
from grid.models import WeatherObservation
from grid.queries import TemperatureUnknown, data_source
from portal.models import User
from tests.cohorts.conftest import AT, PEARLAND

# AT is Wednesday 6 September 2023, 15:00 Central.
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def observe(place: str, *, until: datetime, temp_f: float = 100.0, hours: int = 72) -> None:
    """The same temperature every hour for some days, so that any forecast says it again."""
    rows = [
        WeatherObservation(place=place, source=data_source(), observed_at=until - n * HOUR, temp_f=temp_f)
        for n in range(hours)
    ]
    WeatherObservation.objects.bulk_create(rows)


@pytest.fixture
def hot(db: None) -> None:
    for place in ("houston", "dallas", "austin"):
        observe(place, until=AT)


class TestAvailability:
    def test_the_demo_fleet_on_a_hot_afternoon(self, hot: None) -> None:
        seed_demo_cohorts(at=AT, accounts=13_000)
        fleet = availability_now(at=AT)
        assert (fleet.starts_at, fleet.ends_at) == (AT, AT + 3 * HOUR)
        assert fleet.enrolled_mw == pytest.approx(103.9)
        assert fleet.available_p50_mw == pytest.approx(65, abs=2)
        assert fleet.firm_p90_mw == pytest.approx(59, abs=2)
        for item in fleet.cohorts:
            assert 0 < item.firm_p90_mw < item.available_p50_mw < item.enrolled_mw
        assert fleet.available_p50_mw == pytest.approx(sum(i.available_p50_mw for i in fleet.cohorts))
        assert fleet.firm_p90_mw > sum(i.firm_p90_mw for i in fleet.cohorts)

    def test_what_was_called_for_is_not_enrolled(self, pearland: Cohort, hot: None) -> None:
        before = availability_of([pearland], at=AT)[pearland.pk]
        Account.objects.filter(cohort=pearland, number__lte=250).update(status="UNENROLLED")
        after = availability_of([pearland], at=AT)[pearland.pk]
        assert after.available_p50_mw == pytest.approx(before.available_p50_mw / 2, rel=1e-2)
        assert after.enrolled_mw == before.enrolled_mw == 1.5

    def test_unknown_weather_stays_unknown(self, pearland: Cohort) -> None:
        item = availability_of([pearland], at=AT)[pearland.pk]
        assert (item.enrolled_mw, item.available_p50_mw, item.firm_p90_mw) == (1.5, None, None)
        fleet = availability_now(at=AT)
        assert (fleet.enrolled_mw, fleet.available_p50_mw, fleet.firm_p90_mw) == (1.5, None, None)

    def test_later_weather_does_not_count(self, pearland: Cohort, hot: None) -> None:
        before = availability_of([pearland], at=AT)
        observe("houston", until=AT + 24 * HOUR, temp_f=70.0, hours=24)
        assert availability_of([pearland], at=AT) == before

    def test_an_inactive_cohort_has_nothing_available(self, pearland: Cohort, hot: None) -> None:
        Cohort.objects.filter(pk=pearland.pk).update(active=False)
        assert availability_now(at=AT).cohorts == ()
        assert (availability_now(at=AT).enrolled_mw, availability_now(at=AT).available_p50_mw) == (0.0, 0.0)
        pearland.refresh_from_db()
        assert availability_of([pearland], at=AT)[pearland.pk].available_p50_mw == 0.0

    def test_queries_do_not_grow_with_cohorts(self, hot: None, django_assert_max_num_queries: Any) -> None:
        seed_demo_cohorts(at=AT, accounts=60)
        cohorts = list(active_cohorts())
        with django_assert_max_num_queries(8):  # one count, and two for each of the three weather places
            availability_of(cohorts, at=AT)


class TestCohortFlexibility:
    def test_is_the_response_models_band(self, pearland: Cohort, hot: None) -> None:
        found = cohort_flexibility(cohort=pearland, start=AT, end=AT + 2 * HOUR, at=AT)
        assert found.starts_at == tuple(AT + n * QUARTER for n in range(8))
        model = RESPONSE_MODELS[Technology.THERMOSTAT]
        band = flexibility_mw(model, 3.0, 500, np.full(8, 100.0), 15 + np.arange(8) / 4, pearland.rules)
        assert found.p50_mw == pytest.approx(band.p50_mw)
        assert found.p10_mw == pytest.approx(band.p10_mw)
        assert found.p90_mw == pytest.approx(band.p90_mw)
        assert np.all(found.p10_mw < found.p50_mw)
        assert np.all(found.p50_mw < found.p90_mw)
        assert np.all(found.within_programme)

    def test_covers_the_quarter_hours_it_touches(self, pearland: Cohort, hot: None) -> None:
        start = AT + timedelta(minutes=7)
        found = cohort_flexibility(cohort=pearland, start=start, end=start + QUARTER, at=AT)
        assert found.starts_at == (AT, AT + QUARTER)

    def test_is_nothing_outside_the_programmes_hours(self, pearland: Cohort, hot: None) -> None:
        # 12:00 to 21:00 Central is 17:00 to 02:00 UTC
        found = cohort_flexibility(cohort=pearland, start=AT + 5 * HOUR, end=AT + 7 * HOUR, at=AT)
        assert list(found.within_programme) == [True] * 4 + [False] * 4
        assert np.all(found.p50_mw[:4] > 0)
        assert np.all(found.p90_mw[4:] == 0)

    @pytest.mark.parametrize(
        "start",
        [
            datetime(2023, 9, 9, 20, tzinfo=UTC),  # a Saturday
            datetime(2023, 10, 2, 20, tzinfo=UTC),  # a Monday after the season
        ],
    )
    def test_is_nothing_outside_season_and_weekdays(self, pearland: Cohort, start: datetime) -> None:
        observe("houston", until=start)
        found = cohort_flexibility(cohort=pearland, start=start, end=start + HOUR, at=start)
        assert not found.within_programme.any()
        assert not found.p90_mw.any()

    def test_the_long_day_has_its_repeated_hour(self, operator: User) -> None:
        start = datetime(2023, 11, 5, 5, tzinfo=UTC)  # midnight Central; 25 hours long
        cohort = create_cohort(by=operator, at=AT, **{**PEARLAND, "technology": "BATTERY"})
        observe("houston", until=start, temp_f=60.0)
        found = cohort_flexibility(cohort=cohort, start=start, end=start + 25 * HOUR, at=start)
        assert len(found.starts_at) == 100
        assert found.within_programme.all()

    def test_needs_a_temperature(self, pearland: Cohort) -> None:
        with pytest.raises(TemperatureUnknown):
            cohort_flexibility(cohort=pearland, start=AT, end=AT + HOUR, at=AT)

    @pytest.mark.parametrize(
        ("field", "start", "length"),
        [
            ("end", AT, timedelta(0)),
            ("end", AT, -HOUR),
            ("end", AT, timedelta(days=7, seconds=1)),
            ("end", AT + timedelta(days=30), HOUR),
            ("start", AT - timedelta(days=367), HOUR),
        ],
    )
    def test_refuses_the_span(
        self, pearland: Cohort, hot: None, field: str, start: datetime, length: timedelta
    ) -> None:
        with pytest.raises(FlexibilitySpanRefused) as caught:
            cohort_flexibility(cohort=pearland, start=start, end=start + length, at=AT)
        assert caught.value.field == field


class TestFlexibilityOverHttp:
    def test_answers_by_quarter_hour(
        self, operator: User, key_of: Callable[[User], str], as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        cohort = create_cohort(by=operator, at=AT, **{**PEARLAND, "technology": "BATTERY"})
        now = timezone.now().replace(minute=0, second=0, microsecond=0)
        observe("houston", until=now)
        client = Client(headers={"authorization": f"Token {key_of(operator)}"})
        span = {"start": (now + HOUR).isoformat(), "end": (now + 3 * HOUR).isoformat()}
        with as_role("web"):
            response = client.get(f"/api/v1/cohorts/{cohort.pk}/flexibility", span)
        assert response.status_code == 200
        body = response.json()
        assert body["next"] is None
        assert [parse_datetime(row["starts_at"]) for row in body["results"]] == [
            now + HOUR + n * QUARTER for n in range(8)
        ]
        band = flexibility_mw(RESPONSE_MODELS[Technology.BATTERY], 3.0, 500, np.full(8, 100.0), np.arange(8) / 4)
        for row, p10_mw, p50_mw, p90_mw in zip(body["results"], band.p10_mw, band.p50_mw, band.p90_mw, strict=True):
            assert (row["p10_mw"], row["p50_mw"]) == pytest.approx((p10_mw, p50_mw), abs=5e-4)
            assert row["p90_mw"] == pytest.approx(p90_mw, abs=5e-4)
            assert row["within_programme"] is True


class TestSmallReads:
    def test_eligible_endpoint_numbers_are_those_enrolled(self, pearland: Cohort) -> None:
        Account.objects.filter(cohort=pearland, number__in=[3, 5]).update(status="OPTED_OUT")
        assert eligible_endpoint_numbers(pearland.pk) == [n for n in range(1, 501) if n not in (3, 5)]

    def test_cohort_by_id(self, pearland: Cohort) -> None:
        assert cohort_by_id(pearland.pk) == pearland
        with pytest.raises(CohortUnknown):
            cohort_by_id(pearland.pk + 1)

    def test_active_cohorts_in_order_of_creation(self, pearland: Cohort, operator: User) -> None:
        other = create_cohort(by=operator, at=AT, **{**PEARLAND, "name": "A", "account_count": 3})
        create_cohort(by=operator, at=AT, **{**PEARLAND, "name": "B", "account_count": 3, "active": False})
        assert list(active_cohorts()) == [pearland, other]
