"""PostgreSQL's own guards, one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from cohorts.models import Account, Cohort, CohortChange, Endpoint


def refused_by(constraint: str, change: Callable[[], Any]) -> None:
    """The change fails at exactly this constraint."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        change()
    assert caught.value.__cause__.diag.constraint_name == constraint


class TestCohortConstraints:
    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("cohort_slug_well_formed", {"slug": "Has Blanks"}),
            ("cohort_has_name_and_place", {"name": ""}),
            ("cohort_has_name_and_place", {"place": ""}),
            ("cohort_segment_known", {"segment": "RURAL"}),
            ("cohort_technology_known", {"technology": "FUSION"}),
            ("cohort_load_zone_known", {"load_zone": "LZ_EL_PASO"}),
            ("cohort_weather_place_known", {"weather_place": "paris"}),
            ("cohort_zip_has_five_digits", {"zip": "7758"}),
            ("cohort_enrolled_mw_positive", {"enrolled_mw": 0}),
            ("cohort_enrolled_mw_positive", {"enrolled_mw": -1}),
            ("cohort_account_count_positive", {"account_count": 0}),
            ("cohort_season_in_months", {"season_first_month": 0}),
            ("cohort_season_in_months", {"season_last_month": 13}),
            ("cohort_hours_in_order", {"earliest_hour": 19, "latest_hour": 13}),
            ("cohort_hours_in_order", {"latest_hour": 25}),
            ("cohort_event_length_in_order", {"min_event_min": 120, "max_event_min": 60}),
            ("cohort_event_length_in_order", {"min_event_min": 0}),
            ("cohort_event_length_in_order", {"max_event_min": 1455}),
            ("cohort_event_length_in_quarter_hours", {"min_event_min": 20}),
            ("cohort_event_length_in_quarter_hours", {"max_event_min": 110}),
            ("cohort_notice_not_negative", {"notice_min": -1}),
            ("cohort_events_per_day_positive", {"max_events_per_day": 0}),
            ("cohort_events_per_season_positive", {"max_events_per_season": 0}),
            ("cohort_rest_not_negative", {"rest_h": -1}),
            ("cohort_incentives_not_negative", {"incentive_usd_per_mwh": -1}),
            ("cohort_incentives_not_negative", {"call_fee_usd": -1}),
        ],
    )
    def test_refuses(self, pearland: Cohort, constraint: str, values: dict[str, Any]) -> None:
        refused_by(constraint, lambda: Cohort.objects.filter(pk=pearland.pk).update(**values))

    def test_slug_and_name_stand_once(self, pearland: Cohort) -> None:
        fields = {f.attname: getattr(pearland, f.attname) for f in Cohort._meta.fields if f.attname != "id"}
        refused_by("cohort_slug_once", lambda: Cohort.objects.create(**{**fields, "name": "Another"}))
        other_case = {**fields, "slug": "another", "name": "RESIDENTIAL PEARLAND"}
        refused_by("cohort_name_once", lambda: Cohort.objects.create(**other_case))


class TestAccountsAndEndpoints:
    def test_number_stands_once_per_cohort(self, pearland: Cohort) -> None:
        refused_by(
            "account_number_once_per_cohort",
            lambda: Account.objects.create(cohort=pearland, number=1, zip="77581"),
        )

    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("account_number_positive", {"number": 0}),
            ("account_zip_has_five_digits", {"zip": "abcde"}),
            ("account_status_known", {"status": "ASLEEP"}),
        ],
    )
    def test_refuses_account(self, pearland: Cohort, constraint: str, values: dict[str, Any]) -> None:
        refused_by(constraint, lambda: pearland.accounts.filter(number=7).update(**values))

    def test_refuses_endpoint(self, pearland: Cohort) -> None:
        ids = list(Endpoint.objects.order_by("pk").values_list("pk", flat=True)[:2])
        name = Endpoint.objects.get(pk=ids[0]).ven_resource
        second = Endpoint.objects.filter(pk=ids[1])
        refused_by("endpoint_ven_resource_once", lambda: second.update(ven_resource=name))
        refused_by("endpoint_has_a_ven_resource", lambda: second.update(ven_resource=""))


class TestCohortChange:
    def test_is_append_only_even_for_the_owner(
        self, pearland: Cohort, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        change = CohortChange.objects.get(cohort=pearland)
        with as_role("owner"):
            refused_by(
                "cohort_change_is_append_only", lambda: CohortChange.objects.filter(pk=change.pk).update(after={})
            )
            refused_by("cohort_change_is_append_only", lambda: CohortChange.objects.filter(pk=change.pk).delete())
        assert CohortChange.objects.get(cohort=pearland).after == change.after

    @pytest.mark.parametrize("role", ["worker", "dispatch"])
    def test_only_web_writes_cohorts(
        self, pearland: Cohort, as_role: Callable[[str], AbstractContextManager[None]], role: str
    ) -> None:
        with (
            as_role(role),
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("UPDATE cohorts_cohort SET enrolled_mw = 99")
        assert Cohort.objects.get(pk=pearland.pk).enrolled_mw == pearland.enrolled_mw


class TestCohortProperties:
    def test_kw_per_account_follows_from_the_totals(self, pearland: Cohort) -> None:
        assert pearland.kw_per_account == 3.0

    @pytest.mark.parametrize(
        ("first", "last", "months"),
        [(6, 9, (6, 7, 8, 9)), (12, 2, (12, 1, 2)), (5, 5, (5,)), (1, 12, tuple(range(1, 13)))],
    )
    def test_season_may_run_over_the_new_year(self, first: int, last: int, months: tuple[int, ...]) -> None:
        assert Cohort(season_first_month=first, season_last_month=last).season_months == months
