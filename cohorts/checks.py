"""What a cohort must fulfil before it is written, said field by field. PostgreSQL holds the same rules."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError

from cohorts.models import MAX_EVENT_MIN, STEP_MIN, Cohort
from cohorts.places import texan_zip
from grid.core.refusals import Invalid

MAX_ACCOUNTS = 100_000

Rule = tuple[str, Callable[[Cohort], bool], str]


def public_name(field: str) -> str:
    """What integrators call a field of the model: `account_count` is `accounts` to them."""
    return "accounts" if field == "account_count" else field


class CohortFieldRefused(Invalid):
    """One field of a cohort cannot be as asked. `field` is its public name."""

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = public_name(field), why

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"


RULES: tuple[Rule, ...] = (
    (
        "slug",
        lambda c: re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", c.slug) is not None,
        "must be lower-case letters and digits, words joined by hyphens.",
    ),
    ("enrolled_mw", lambda c: c.enrolled_mw > 0, "must be greater than 0 MW."),
    ("account_count", lambda c: 0 < c.account_count <= MAX_ACCOUNTS, f"must be 1 to {MAX_ACCOUNTS:,} accounts."),
    ("season_first_month", lambda c: 1 <= c.season_first_month <= 12, "must be a month, 1 to 12."),
    ("season_last_month", lambda c: 1 <= c.season_last_month <= 12, "must be a month, 1 to 12."),
    ("earliest_hour", lambda c: c.earliest_hour < 24, "must be a local hour, 0 to 23."),
    ("latest_hour", lambda c: c.latest_hour <= 24, "must be a local hour, 1 to 24."),
    ("latest_hour", lambda c: c.earliest_hour < c.latest_hour, "must be later than earliest_hour."),
    ("min_event_min", lambda c: c.min_event_min >= STEP_MIN, f"must be at least {STEP_MIN} minutes."),
    ("min_event_min", lambda c: c.min_event_min % STEP_MIN == 0, f"must be a multiple of {STEP_MIN} minutes."),
    ("max_event_min", lambda c: c.max_event_min % STEP_MIN == 0, f"must be a multiple of {STEP_MIN} minutes."),
    ("max_event_min", lambda c: c.max_event_min <= MAX_EVENT_MIN, f"must be at most {MAX_EVENT_MIN} minutes."),
    ("max_event_min", lambda c: c.min_event_min <= c.max_event_min, "must not be shorter than min_event_min."),
    (
        "min_event_min",
        lambda c: c.min_event_min <= (c.latest_hour - c.earliest_hour) * 60,
        "must fit between earliest_hour and latest_hour.",
    ),
    ("max_events_per_day", lambda c: c.max_events_per_day > 0, "must be at least 1."),
    ("max_events_per_season", lambda c: c.max_events_per_season > 0, "must be at least 1."),
    ("rest_h", lambda c: c.rest_h >= 0, "must not be negative."),
    ("incentive_usd_per_mwh", lambda c: c.incentive_usd_per_mwh >= 0, "must not be negative."),
    ("call_fee_usd", lambda c: c.call_fee_usd >= 0, "must not be negative."),
)


def check_cohort(cohort: Cohort) -> None:
    """Normalise the fields' types and raise the first problem as CohortFieldRefused (or a ZIP's own refusal)."""
    try:
        cohort.clean_fields(exclude={"id"})
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise CohortFieldRefused(field, " ".join(messages)) from error
    for field, holds, why in RULES:
        if not holds(cohort):
            raise CohortFieldRefused(field, why)
    texan_zip(cohort.zip)
