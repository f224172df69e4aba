"""Create and change cohorts. Rights are checked here; every change leaves a `CohortChange` in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify

from cohorts.checks import CohortFieldRefused, check_cohort, public_name
from cohorts.core.response import DEFAULT_RULES, ProgrammeRules, Technology
from cohorts.models import Account, Cohort, CohortChange
from cohorts.places import texan_zip, zips_of_town
from cohorts.queries import CohortUnknown
from grid.core.refusals import Conflict, Invalid, NotAllowed

RULE_FIELDS: Final = (
    "season_first_month",
    "season_last_month",
    "weekdays_only",
    "earliest_hour",
    "latest_hour",
    "min_event_min",
    "max_event_min",
    "notice_min",
    "max_events_per_day",
    "max_events_per_season",
    "rest_h",
    "incentive_usd_per_mwh",
    "call_fee_usd",
)
CHANGEABLE_FIELDS: Final = (
    "name",
    "segment",
    "technology",
    "place",
    "weather_place",
    "zip",
    "load_zone",
    "enrolled_mw",
    "active",
    *RULE_FIELDS,
)
FIXED_FIELDS: Final = ("slug", "account_count")
TECHNOLOGY_BY_SEGMENT: Final[Mapping[str, Technology]] = {
    "RESIDENTIAL": Technology.THERMOSTAT,
    "COMMERCIAL": Technology.HVAC,
    "INDUSTRIAL": Technology.INDUSTRIAL,
}
SLUG_LENGTH: Final = 50


class CohortRightMissing(NotAllowed):
    """This person may not create or change cohorts."""

    def __init__(self, person: str, permission: str) -> None:
        self.person, self.permission = person, permission

    def __str__(self) -> str:
        return f"{self.person} may not do this: it takes the right {self.permission}."


class CohortNameTaken(Conflict):
    """Another cohort has this name or slug."""

    def __init__(self, field: str, value: str) -> None:
        self.field, self.value = field, value

    def __str__(self) -> str:
        return f"Another cohort has the {self.field} {self.value!r}."


class CohortFieldFixed(Invalid):
    """This field is fixed when the cohort is created: endpoints and past events hang on it."""

    def __init__(self, field: str, value: object) -> None:
        self.field, self.value = public_name(field), value

    def __str__(self) -> str:
        return f"{self.field} stays {self.value}: it is fixed at creation. Create another cohort instead."


class CohortFieldUnknown(Invalid):
    """A cohort has no such field."""

    def __init__(self, field: str) -> None:
        self.field = field

    def __str__(self) -> str:
        return f"A cohort has no field {self.field!r} that can be changed."


def create_cohort(
    *,
    by: AbstractUser,
    at: dt.datetime,
    name: str,
    segment: str,
    load_zone: str,
    enrolled_mw: Decimal | float | str,
    account_count: int,
    technology: str = "",
    zip_code: str = "",
    place: str = "",
    weather_place: str = "",
    slug: str = "",
    active: bool = True,
    rules: Mapping[str, Any] | None = None,
) -> Cohort:
    """Create a cohort with its accounts and endpoints, numbered from 1, all enrolled and online.

    What is left empty is derived: technology from the segment, ZIP from the place or the place from the ZIP, the
    weather city nearest to the ZIP, the slug from the name. `rules` (see RULE_FIELDS) overrides the technology's usual
    programme.
    Raises CohortRightMissing, CohortFieldRefused, CohortFieldUnknown, CohortNameTaken and the refusals of `places`.
    """
    _require(by, "cohorts.add_cohort")
    if not (slug or slug_of(name)):
        raise CohortFieldRefused("name", "must contain a letter or digit.")
    technology = technology or TECHNOLOGY_BY_SEGMENT.get(segment, "")
    zip_code = zip_code or (zips_of_town(place)[0] if place else "")
    if not zip_code:
        raise CohortFieldRefused("zip", "give a ZIP, or a place that is a town in Texas.")
    found = texan_zip(zip_code)
    cohort = Cohort(
        slug=slug or slug_of(name),
        name=name.strip(),
        segment=segment,
        technology=technology,
        place=place or found.town,
        weather_place=weather_place or found.weather_place,
        zip=zip_code,
        load_zone=load_zone,
        enrolled_mw=enrolled_mw,
        account_count=account_count,
        active=active,
        **_programme(technology, rules or {}),
    )
    return write_new_cohort(cohort, by=by, at=at, account_zips=(zip_code,))


def write_new_cohort(
    cohort: Cohort, *, by: AbstractUser | None, at: dt.datetime, account_zips: tuple[str, ...], random_seed: int = 1
) -> Cohort:
    """Check and insert a cohort, accounts (ZIPs drawn from `account_zips`), endpoints and record. Asks no right."""
    check_cohort(cohort)
    with _names_once(cohort), transaction.atomic():
        cohort.save(force_insert=True)
        _enrol(cohort, account_zips, random_seed)
        after = _recorded(cohort, (*FIXED_FIELDS, *CHANGEABLE_FIELDS))
        CohortChange.objects.create(cohort=cohort, by_id=by.pk if by else None, at=at, before=None, after=after)
    return cohort


def update_cohort(*, cohort_id: int, by: AbstractUser, at: dt.datetime, changes: Mapping[str, Any]) -> Cohort:
    """Change fields of a cohort (see CHANGEABLE_FIELDS). Values equal to the present ones change and record nothing.

    Raises CohortRightMissing, CohortUnknown, CohortFieldFixed (accounts, slug), CohortFieldUnknown, CohortFieldRefused,
    CohortNameTaken and the refusals of `places`.
    """
    _require(by, "cohorts.change_cohort")
    with transaction.atomic():
        cohort = Cohort.objects.select_for_update().filter(pk=cohort_id).first()
        if cohort is None:
            raise CohortUnknown(cohort_id)
        before = {field: getattr(cohort, field) for field in CHANGEABLE_FIELDS}
        _assign(cohort, changes)
        check_cohort(cohort)
        changed = [field for field in CHANGEABLE_FIELDS if before[field] != getattr(cohort, field)]
        if changed:
            with _names_once(cohort), transaction.atomic():
                cohort.save(update_fields=[*changed, "updated_at"])
            was = {field: _json_value(before[field]) for field in changed}
            CohortChange.objects.create(cohort=cohort, by_id=by.pk, at=at, before=was, after=_recorded(cohort, changed))
    return cohort


def slug_of(name: str) -> str:
    """Stem of endpoint names made from a cohort's name: lower case, words joined by hyphens."""
    return slugify(name.replace("+", " "))[:SLUG_LENGTH].replace("_", "-").strip("-")


def rule_columns(rules: ProgrammeRules) -> dict[str, Any]:
    """A programme as column values. Its months must be consecutive (a season may run over the new year)."""
    months = set(rules.season_months)
    first = next((m for m in rules.season_months if (m - 2) % 12 + 1 not in months), 1)
    columns = {field: getattr(rules, field) for field in RULE_FIELDS if not field.startswith("season_")}
    return {**columns, "season_first_month": first, "season_last_month": (first + len(months) - 2) % 12 + 1}


def _require(by: AbstractUser, permission: str) -> None:
    if not by.has_perm(permission):
        raise CohortRightMissing(by.get_username(), permission)


def _programme(technology: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    for field in rules:
        if field not in RULE_FIELDS:
            raise CohortFieldUnknown(field)
    usual = rule_columns(DEFAULT_RULES[Technology(technology)]) if technology in set(Technology) else {}
    return {**usual, **rules}


def _assign(cohort: Cohort, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        if field in FIXED_FIELDS:
            if value != getattr(cohort, field):
                raise CohortFieldFixed(field, getattr(cohort, field))
        elif field not in CHANGEABLE_FIELDS:
            raise CohortFieldUnknown(field)
        else:
            setattr(cohort, field, value)


def _enrol(cohort: Cohort, account_zips: tuple[str, ...], random_seed: int) -> None:
    """Insert the accounts and endpoints in two statements: 13,000 of each within a second.

    Which of `account_zips` an account gets follows from an MD5 of seed, slug and number: the same on every machine.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO cohorts_account (cohort_id, number, zip, status)
            SELECT %(cohort)s, n, (%(zips)s::text[])[
                       1 + ('x' || substr(md5(%(seed)s || ':' || %(slug)s || ':' || n), 1, 8))::bit(32)::bigint
                           %% cardinality(%(zips)s::text[])], %(status)s
            FROM generate_series(1, %(accounts)s) AS n
            """,
            {
                "cohort": cohort.pk,
                "zips": list(account_zips),
                "seed": str(random_seed),
                "slug": cohort.slug,
                "accounts": cohort.account_count,
                "status": Account.Status.ENROLLED.value,
            },
        )
        cursor.execute(
            """
            INSERT INTO cohorts_endpoint (account_id, ven_resource, online)
            SELECT id, %s || '-' || lpad(number::text, greatest(4, length(number::text)), '0'), TRUE
            FROM cohorts_account WHERE cohort_id = %s
            """,
            [cohort.slug, cohort.pk],
        )


@contextmanager
def _names_once(cohort: Cohort) -> Iterator[None]:
    """Turn the database's word on a taken name or slug into ours; two people may have raced."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "cohort_name_once" or (
            constraint == "cohort_slug_once" and cohort.slug == slug_of(cohort.name)
        ):
            raise CohortNameTaken("name", cohort.name) from error
        if constraint == "cohort_slug_once":
            raise CohortNameTaken("slug", cohort.slug) from error
        raise


def _recorded(cohort: Cohort, fields: Iterable[str]) -> dict[str, Any]:
    return {field: _json_value(getattr(cohort, field)) for field in fields}


def _json_value(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
