"""The six demo cohorts: 13,000 accounts, 103.9 MW enrolled. Written by `manage.py seed`, never in live use."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cohorts.core.response import DEFAULT_RULES, Technology
from cohorts.models import Cohort, LoadZone, Segment
from cohorts.operations import rule_columns, write_new_cohort
from cohorts.places import texan_zip, zips_of_town
from grid.core.refusals import Invalid


@dataclass(frozen=True, slots=True)
class DemoCohort:
    """One demo cohort; its accounts are spread over the ZIPs of `place` unless it is a single industrial area."""

    slug: str
    name: str
    segment: Segment
    technology: Technology
    place: str
    zip_code: str
    load_zone: LoadZone
    enrolled_mw: Decimal
    accounts: int
    account_zips: tuple[str, ...] = ()


AUSTIN_SOUTH = ("78704", "78744", "78745", "78747", "78748")
DALLAS_INDUSTRY = ("75207", "75212", "75236", "75247")

DEMO_COHORTS: Final = (
    DemoCohort(
        "residential-ev-austin",
        "Residential EV Austin",
        Segment.RESIDENTIAL,
        Technology.EV,
        "Austin",
        "78704",
        LoadZone.AEN,
        Decimal("18.0"),
        3_600,
    ),
    DemoCohort(
        "residential-solar-battery-houston",
        "Residential Solar+Battery Houston",
        Segment.RESIDENTIAL,
        Technology.BATTERY,
        "Houston",
        "77007",
        LoadZone.HOUSTON,
        Decimal("6.0"),
        1_200,
    ),
    DemoCohort(
        "residential-standard-dallas",
        "Residential Standard Dallas",
        Segment.RESIDENTIAL,
        Technology.THERMOSTAT,
        "Dallas",
        "75206",
        LoadZone.NORTH,
        Decimal("21.3"),
        7_100,
    ),
    DemoCohort(
        "commercial-hvac-austin-south",
        "Commercial HVAC Austin South",
        Segment.COMMERCIAL,
        Technology.HVAC,
        "Austin",
        "78745",
        LoadZone.AEN,
        Decimal("11.3"),
        420,
        AUSTIN_SOUTH,
    ),
    DemoCohort(
        "commercial-lighting-houston",
        "Commercial Lighting Houston",
        Segment.COMMERCIAL,
        Technology.LIGHTING,
        "Houston",
        "77002",
        LoadZone.HOUSTON,
        Decimal("4.8"),
        640,
    ),
    DemoCohort(
        "industrial-manufacturing-dallas",
        "Industrial Manufacturing Dallas",
        Segment.INDUSTRIAL,
        Technology.INDUSTRIAL,
        "Dallas",
        "75247",
        LoadZone.NORTH,
        Decimal("42.5"),
        40,
        DALLAS_INDUSTRY,
    ),
)
DEMO_ACCOUNTS: Final = sum(demo.accounts for demo in DEMO_COHORTS)


class TooFewAccounts(Invalid):
    """Every demo cohort needs an account."""

    field = "accounts"

    def __init__(self, asked: int) -> None:
        self.asked = asked

    def __str__(self) -> str:
        return f"{self.asked} accounts are too few: the demo has {len(DEMO_COHORTS)} cohorts, each with at least one."


class DemoCohortsHaveOtherAccounts(Invalid):
    """The demo cohorts stand already, with another number of accounts than asked for."""

    field = "accounts"

    def __init__(self, asked: int, present: int) -> None:
        self.asked, self.present = asked, present

    def __str__(self) -> str:
        return (
            f"The demo cohorts stand already, with {self.present:,} accounts instead of {self.asked:,}; "
            "accounts are fixed at creation. Seed an empty database instead."
        )


def seed_demo_cohorts(*, at: dt.datetime, accounts: int | None = None, random_seed: int = 1) -> list[Cohort]:
    """Write those of the six that are missing and return them; a second run writes nothing.

    `accounts` (default 13,000) are shared out in the default's proportions, the enrolled MW staying as they are.
    Raises TooFewAccounts, or DemoCohortsHaveOtherAccounts when an explicit number contradicts what stands.
    """
    asked = DEMO_ACCOUNTS if accounts is None else accounts
    present = dict(
        Cohort.objects.filter(slug__in=[demo.slug for demo in DEMO_COHORTS]).values_list("slug", "account_count")
    )
    shares = accounts_by_slug(asked)
    if accounts is not None and any(shares[slug] != count for slug, count in present.items()):
        raise DemoCohortsHaveOtherAccounts(asked, sum(present.values()))
    return [
        _write(demo, accounts=shares[demo.slug], at=at, random_seed=random_seed)
        for demo in DEMO_COHORTS
        if demo.slug not in present
    ]


def accounts_by_slug(total: int) -> dict[str, int]:
    """Share `total` accounts out like the demo's 13,000: one each, the rest by largest remainder."""
    if total < len(DEMO_COHORTS):
        raise TooFewAccounts(total)
    spare = total - len(DEMO_COHORTS)
    weights = {demo.slug: demo.accounts - 1 for demo in DEMO_COHORTS}
    whole = sum(weights.values())
    counts = {slug: 1 + spare * weight // whole for slug, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda slug: (-(spare * weights[slug] % whole), slug))
    for slug in by_remainder[: total - sum(counts.values())]:
        counts[slug] += 1
    return counts


def _write(demo: DemoCohort, *, accounts: int, at: dt.datetime, random_seed: int) -> Cohort:
    cohort = Cohort(
        slug=demo.slug,
        name=demo.name,
        segment=demo.segment,
        technology=demo.technology,
        place=demo.place,
        weather_place=texan_zip(demo.zip_code).weather_place,
        zip=demo.zip_code,
        load_zone=demo.load_zone,
        enrolled_mw=demo.enrolled_mw,
        account_count=accounts,
        **rule_columns(DEFAULT_RULES[demo.technology]),
    )
    zips = demo.account_zips or zips_of_town(demo.place)
    return write_new_cohort(cohort, by=None, at=at, account_zips=zips, random_seed=random_seed)
