"""How many accounts a cohort has, by ZIP and by what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from cohorts.models import Account


@dataclass(frozen=True, slots=True)
class ZipAccounts:
    """How many accounts a cohort has in one ZIP, without those that left."""

    cohort_id: int
    zip_code: str
    accounts: int


def accounts_by_zip(cohort_ids: Iterable[int] | None = None) -> list[ZipAccounts]:
    """Of these cohorts, or of all; in one query."""
    rows = Account.objects.exclude(status=Account.Status.UNENROLLED)
    if cohort_ids is not None:
        rows = rows.filter(cohort_id__in=list(cohort_ids))
    counted = rows.values_list("cohort_id", "zip").annotate(accounts=Count("pk")).order_by("cohort_id", "zip")
    return [ZipAccounts(cohort_id, zip_code, accounts) for cohort_id, zip_code, accounts in counted]


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """Accounts of a cohort by what they are, and how many of the enrolled ones' endpoints are online."""

    enrolled: int
    opted_out: int
    left: int
    online: int


def account_summary(cohort_id: int) -> AccountSummary:
    """Of one cohort; in one query."""
    status, states = Account.Status, Account.objects.filter(cohort_id=cohort_id)
    enrolled = Q(status=status.ENROLLED)
    counts = states.aggregate(
        enrolled=Count("pk", filter=enrolled),
        opted_out=Count("pk", filter=Q(status=status.OPTED_OUT)),
        left=Count("pk", filter=Q(status=status.UNENROLLED)),
        online=Count("endpoint", filter=enrolled & Q(endpoint__online=True)),
    )
    return AccountSummary(**counts)
