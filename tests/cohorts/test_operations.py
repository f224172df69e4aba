"""Creating and changing cohorts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest

from cohorts.checks import CohortFieldRefused
from cohorts.core.response import DEFAULT_RULES, ProgrammeRules, Technology
from cohorts.models import Account, Cohort, CohortChange, Endpoint
from cohorts.operations import (
    CohortFieldFixed,
    CohortFieldUnknown,
    CohortNameTaken,
    CohortRightMissing,
    create_cohort,
    rule_columns,
    slug_of,
    update_cohort,
)
from cohorts.places import TownUnknown, ZipMalformed, ZipOutsideTexas, ZipUnknown
from cohorts.queries import CohortUnknown
from grid.core.refusals import Refusal
from portal.models import User
from tests.cohorts.conftest import AT, PEARLAND


def everything() -> tuple[int, int, int, int]:
    """Rows of all four tables."""
    return tuple(model.objects.count() for model in (Cohort, Account, Endpoint, CohortChange))  # type: ignore[return-value]


class TestCreateCohort:
    def test_writes_accounts_endpoints_and_record(
        self, operator: User, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        with as_role("web"):
            cohort = create_cohort(by=operator, at=AT, **PEARLAND)
        cohort.refresh_from_db()
        assert (cohort.slug, cohort.place, cohort.weather_place) == ("residential-pearland", "Pearland", "houston")
        assert cohort.technology == "THERMOSTAT"
        assert list(cohort.accounts.order_by("number").values_list("number", flat=True)) == list(range(1, 501))
        assert set(cohort.accounts.values_list("zip", "status")) == {("77581", "ENROLLED")}
        names = Endpoint.objects.filter(account__cohort=cohort).order_by("account__number")
        assert names.count() == 500
        assert names.first().ven_resource == "residential-pearland-0001"
        assert names.last().ven_resource == "residential-pearland-0500"
        change = CohortChange.objects.get()
        assert (change.cohort_id, change.by_id, change.at, change.before) == (cohort.pk, operator.pk, AT, None)
        assert (change.after["enrolled_mw"], change.after["account_count"]) == ("1.5", 500)

    def test_takes_the_technologys_usual_programme(self, pearland: Cohort) -> None:
        assert pearland.rules == DEFAULT_RULES[Technology.THERMOSTAT]

    def test_rules_given_override_it(self, operator: User) -> None:
        cohort = create_cohort(by=operator, at=AT, **PEARLAND, rules={"latest_hour": 20, "notice_min": 120})
        cohort.refresh_from_db()
        assert (cohort.latest_hour, cohort.notice_min, cohort.earliest_hour) == (20, 120, 12)

    def test_finds_a_zip_for_a_town(self, operator: User) -> None:
        cohort = create_cohort(by=operator, at=AT, **{**PEARLAND, "zip_code": "", "place": "Corpus Christi"})
        assert cohort.zip.startswith("784")
        assert cohort.weather_place == "corpus_christi"

    def test_numbers_past_9999_keep_their_digits(self, operator: User) -> None:
        cohort = create_cohort(by=operator, at=AT, **{**PEARLAND, "account_count": 10_001})
        last = Endpoint.objects.get(account__cohort=cohort, account__number=10_001)
        assert last.ven_resource == "residential-pearland-10001"

    @pytest.mark.parametrize(
        ("field", "refusal", "values"),
        [
            ("zip", ZipUnknown, {"zip_code": "99999"}),
            ("zip", ZipOutsideTexas, {"zip_code": "10001"}),
            ("zip", ZipMalformed, {"zip_code": "7758x"}),
            ("zip", CohortFieldRefused, {"zip_code": ""}),
            ("place", TownUnknown, {"zip_code": "", "place": "Atlantis"}),
            ("load_zone", CohortFieldRefused, {"load_zone": "LZ_EL_PASO"}),
            ("segment", CohortFieldRefused, {"segment": "RURAL", "technology": "EV"}),
            ("technology", CohortFieldRefused, {"technology": "FUSION"}),
            ("weather_place", CohortFieldRefused, {"weather_place": "paris"}),
            ("name", CohortFieldRefused, {"name": "   "}),
            ("name", CohortFieldRefused, {"name": "x" * 101}),
            ("slug", CohortFieldRefused, {"slug": "Two Words"}),
            ("enrolled_mw", CohortFieldRefused, {"enrolled_mw": Decimal(0)}),
            ("enrolled_mw", CohortFieldRefused, {"enrolled_mw": Decimal("NaN")}),
            ("enrolled_mw", CohortFieldRefused, {"enrolled_mw": "lots"}),
            ("accounts", CohortFieldRefused, {"account_count": 0}),
            ("accounts", CohortFieldRefused, {"account_count": 100_001}),
            ("latest_hour", CohortFieldRefused, {"rules": {"earliest_hour": 19, "latest_hour": 13}}),
            ("latest_hour", CohortFieldRefused, {"rules": {"latest_hour": 25}}),
            ("earliest_hour", CohortFieldRefused, {"rules": {"earliest_hour": 24}}),
            ("season_first_month", CohortFieldRefused, {"rules": {"season_first_month": 13}}),
            ("season_last_month", CohortFieldRefused, {"rules": {"season_last_month": 0}}),
            ("min_event_min", CohortFieldRefused, {"rules": {"min_event_min": 20}}),
            ("min_event_min", CohortFieldRefused, {"rules": {"min_event_min": 0}}),
            ("max_event_min", CohortFieldRefused, {"rules": {"max_event_min": 50}}),
            ("max_event_min", CohortFieldRefused, {"rules": {"max_event_min": 15}}),
            (
                "min_event_min",
                CohortFieldRefused,
                {"rules": {"earliest_hour": 12, "latest_hour": 13, "min_event_min": 120}},
            ),
            ("notice_min", CohortFieldRefused, {"rules": {"notice_min": None}}),
            ("max_events_per_day", CohortFieldRefused, {"rules": {"max_events_per_day": 0}}),
            ("max_events_per_season", CohortFieldRefused, {"rules": {"max_events_per_season": 0}}),
            ("rest_h", CohortFieldRefused, {"rules": {"rest_h": -1}}),
            ("incentive_usd_per_mwh", CohortFieldRefused, {"rules": {"incentive_usd_per_mwh": -1}}),
            ("call_fee_usd", CohortFieldRefused, {"rules": {"call_fee_usd": -1}}),
            ("blackout", CohortFieldUnknown, {"rules": {"blackout": 1}}),
        ],
    )
    def test_refuses_and_writes_nothing(
        self, operator: User, field: str, refusal: type[Refusal], values: dict[str, Any]
    ) -> None:
        with pytest.raises(refusal) as caught:
            create_cohort(by=operator, at=AT, **{**PEARLAND, **values})
        assert caught.value.field == field
        assert str(caught.value)
        assert everything() == (0, 0, 0, 0)

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("name", {}),
            ("name", {"name": "residential PEARLAND", "slug": "other"}),
            ("name", {"name": "Residential, Pearland"}),
            ("slug", {"name": "Another", "slug": "residential-pearland"}),
        ],
    )
    def test_refuses_a_taken_name_or_slug(
        self, pearland: Cohort, operator: User, field: str, values: dict[str, Any]
    ) -> None:
        with pytest.raises(CohortNameTaken) as caught:
            create_cohort(by=operator, at=AT, **{**PEARLAND, **values})
        assert caught.value.field == field
        assert everything() == (1, 500, 500, 1)

    def test_refuses_whoever_lacks_the_right(self, auditor: User) -> None:
        with pytest.raises(CohortRightMissing, match="ada may not do this"):
            create_cohort(by=auditor, at=AT, **PEARLAND)
        assert everything() == (0, 0, 0, 0)


class TestUpdateCohort:
    def test_changes_and_records_before_and_after(
        self, pearland: Cohort, supervisor: User, as_role: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        changes = {"enrolled_mw": Decimal("2.25"), "latest_hour": 20, "name": "Residential Pearland"}
        with as_role("web"):
            update_cohort(cohort_id=pearland.pk, by=supervisor, at=AT, changes=changes)
        pearland.refresh_from_db()
        assert (pearland.enrolled_mw, pearland.latest_hour) == (Decimal("2.25"), 20)
        change = CohortChange.objects.get(before__isnull=False)
        assert change.by == supervisor
        assert change.before == {"enrolled_mw": "1.500", "latest_hour": 21}
        assert change.after == {"enrolled_mw": "2.25", "latest_hour": 20}

    def test_the_same_values_record_nothing(self, pearland: Cohort, operator: User) -> None:
        same = {"enrolled_mw": 1.5, "account_count": 500, "rest_h": Decimal("16.00"), "active": True}
        update_cohort(cohort_id=pearland.pk, by=operator, at=AT, changes=same)
        assert CohortChange.objects.count() == 1

    @pytest.mark.parametrize(
        ("field", "refusal", "changes"),
        [
            ("accounts", CohortFieldFixed, {"account_count": 501}),
            ("slug", CohortFieldFixed, {"slug": "other"}),
            ("colour", CohortFieldUnknown, {"colour": "red"}),
            ("latest_hour", CohortFieldRefused, {"earliest_hour": 22}),
            ("enrolled_mw", CohortFieldRefused, {"enrolled_mw": -3}),
            ("load_zone", CohortFieldRefused, {"load_zone": "LZ_X"}),
            ("zip", ZipUnknown, {"zip": "99999"}),
        ],
    )
    def test_refuses_and_changes_nothing(
        self, pearland: Cohort, operator: User, field: str, refusal: type[Refusal], changes: dict[str, Any]
    ) -> None:
        before = Cohort.objects.values().get(pk=pearland.pk)
        with pytest.raises(refusal) as caught:
            update_cohort(cohort_id=pearland.pk, by=operator, at=AT, changes={"notice_min": 60, **changes})
        assert caught.value.field == field
        assert Cohort.objects.values().get(pk=pearland.pk) == before
        assert CohortChange.objects.count() == 1

    def test_refuses_a_taken_name(self, pearland: Cohort, operator: User) -> None:
        create_cohort(by=operator, at=AT, **{**PEARLAND, "name": "Other"})
        with pytest.raises(CohortNameTaken):
            update_cohort(cohort_id=pearland.pk, by=operator, at=AT, changes={"name": "OTHER"})
        assert Cohort.objects.get(pk=pearland.pk).name == "Residential Pearland"

    def test_refuses_an_unknown_cohort(self, operator: User) -> None:
        with pytest.raises(CohortUnknown):
            update_cohort(cohort_id=7, by=operator, at=AT, changes={})

    def test_refuses_whoever_lacks_the_right(self, pearland: Cohort, auditor: User) -> None:
        with pytest.raises(CohortRightMissing):
            update_cohort(cohort_id=pearland.pk, by=auditor, at=AT, changes={"enrolled_mw": 3})
        assert Cohort.objects.get(pk=pearland.pk).enrolled_mw == Decimal("1.5")


class TestNamesAndRules:
    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Residential Solar+Battery Houston", "residential-solar-battery-houston"),
            ("  Été à Dallas_2 ", "ete-a-dallas-2"),
            ("日本", ""),
        ],
    )
    def test_slug_of(self, name: str, slug: str) -> None:
        assert slug_of(name) == slug

    @pytest.mark.parametrize("rules", DEFAULT_RULES.values())
    def test_a_programme_survives_its_columns(self, rules: ProgrammeRules) -> None:
        assert Cohort(**rule_columns(rules)).rules == rules

    def test_a_season_over_the_new_year_starts_in_autumn(self) -> None:
        winter = rule_columns(ProgrammeRules((12, 1, 2), False, 6, 10, 60, 180, 60, 1, 6, 12.0, 100.0))
        assert (winter["season_first_month"], winter["season_last_month"]) == (12, 2)
