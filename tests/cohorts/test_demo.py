"""The six demo cohorts, exactly."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from cohorts.demo import (
    DEMO_COHORTS,
    DemoCohortsHaveOtherAccounts,
    TooFewAccounts,
    accounts_by_slug,
    seed_demo_cohorts,
)
from cohorts.models import Account, Cohort, CohortChange, Endpoint
from tests.cohorts.conftest import AT

EXPECTED = [
    ("Residential EV Austin", "RESIDENTIAL", "EV", "LZ_AEN", "austin", Decimal("18.000"), 3_600),
    ("Residential Solar+Battery Houston", "RESIDENTIAL", "BATTERY", "LZ_HOUSTON", "houston", Decimal("6.000"), 1_200),
    ("Residential Standard Dallas", "RESIDENTIAL", "THERMOSTAT", "LZ_NORTH", "dallas", Decimal("21.300"), 7_100),
    ("Commercial HVAC Austin South", "COMMERCIAL", "HVAC", "LZ_AEN", "austin", Decimal("11.300"), 420),
    ("Commercial Lighting Houston", "COMMERCIAL", "LIGHTING", "LZ_HOUSTON", "houston", Decimal("4.800"), 640),
    ("Industrial Manufacturing Dallas", "INDUSTRIAL", "INDUSTRIAL", "LZ_NORTH", "dallas", Decimal("42.500"), 40),
]


@pytest.mark.django_db
class TestSeedDemoCohorts:
    def test_writes_the_six_exactly(self) -> None:
        seed_demo_cohorts(at=AT)
        fields = ("name", "segment", "technology", "load_zone", "weather_place", "enrolled_mw", "account_count")
        assert list(Cohort.objects.order_by("pk").values_list(*fields)) == EXPECTED
        assert Cohort.objects.aggregate(mw=Sum("enrolled_mw"))["mw"] == Decimal("103.900")
        assert (Account.objects.count(), Endpoint.objects.count()) == (13_000, 13_000)
        for cohort in Cohort.objects.all():
            assert cohort.accounts.count() == cohort.account_count
        assert Endpoint.objects.filter(ven_resource="residential-ev-austin-0001").exists()
        assert set(CohortChange.objects.values_list("by", "at")) == {(None, AT)}

    def test_takes_about_a_second_at_most(self) -> None:
        started = time.perf_counter()
        seed_demo_cohorts(at=AT)
        assert time.perf_counter() - started < 5  # about 0.6 s on two idle cores

    def test_a_second_run_writes_nothing(self) -> None:
        first = seed_demo_cohorts(at=AT)
        assert len(first) == 6
        assert seed_demo_cohorts(at=AT) == []
        assert Account.objects.count() == 13_000

    def test_a_missing_one_is_put_back(self) -> None:
        made = seed_demo_cohorts(at=AT, accounts=60)
        Cohort.objects.filter(pk=made[5].pk).update(slug="mine", name="Mine")
        Endpoint.objects.filter(account__cohort=made[5].pk).update(ven_resource="mine-0001")
        assert [c.slug for c in seed_demo_cohorts(at=AT, accounts=60)] == ["industrial-manufacturing-dallas"]

    def test_seed_decides_the_zips(self) -> None:
        seed_demo_cohorts(at=AT, accounts=200, random_seed=1)
        zips = list(Account.objects.order_by("pk").values_list("zip", flat=True))
        assert len(set(zips)) > 20
        for demo in DEMO_COHORTS:
            if demo.account_zips:
                used = set(Account.objects.filter(cohort__slug=demo.slug).values_list("zip", flat=True))
                assert used <= set(demo.account_zips)

    def test_refuses_another_number_of_accounts(self) -> None:
        seed_demo_cohorts(at=AT, accounts=100)
        assert seed_demo_cohorts(at=AT) == []
        with pytest.raises(DemoCohortsHaveOtherAccounts, match="100 accounts instead of 13,000"):
            seed_demo_cohorts(at=AT, accounts=13_000)
        with pytest.raises(TooFewAccounts):
            seed_demo_cohorts(at=AT, accounts=5)
        assert Account.objects.count() == 100


class TestAccountsBySlug:
    def test_default_is_exact(self) -> None:
        assert list(accounts_by_slug(13_000).values()) == [3_600, 1_200, 7_100, 420, 640, 40]

    @given(st.integers(min_value=6, max_value=1_000_000))
    def test_sums_to_the_total_with_everyone_present(self, total: int) -> None:
        shares = accounts_by_slug(total)
        assert sum(shares.values()) == total
        assert min(shares.values()) >= 1
