"""How people decide: time before the vote, shares, changes, estimates. To look at the process, not at single people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from django.db.models import Sum

from planning.core.content import parse_content
from planning.models import BreakGlass, Decision, Estimate, PlanRefusal, PlanRequest, PlanViewing, Vote

TOO_QUICK_S: Final = 10


@dataclass(frozen=True)
class Approver:
    """One person's decisions since a day. `viewed_s`: seconds the version stood before them; None: never told."""

    username: str
    approvals: int
    rejections: int
    edits: int
    forced: int
    refusals: int
    drift_accepted: int
    viewed_median_s: float | None
    too_quick: int
    estimate_error_mw: float | None
    estimates: int

    @property
    def approve_share(self) -> float | None:
        """Approvals of all votes; None without a vote."""
        votes = self.approvals + self.rejections
        return self.approvals / votes if votes else None


def approvers(*, since: datetime) -> list[Approver]:
    """Everybody who decided something since then (wall time), by name."""
    votes = list(Vote.objects.filter(wall_at__gte=since).select_related("voter").order_by("pk"))
    viewed = _viewed_s(votes)
    edits = _counted(
        PlanRequest.objects.filter(number__gt=1, wall_at__gte=since, by__isnull=False).select_related("by")
    )
    forced = _counted(BreakGlass.objects.filter(wall_at__gte=since).select_related("by"))
    refused = _counted(PlanRefusal.objects.filter(wall_at__gte=since, by__isnull=False).select_related("by"))
    errors = _estimate_errors(since)
    by_name: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_name[vote.voter.get_username()].append(vote)
    names = sorted({*by_name, *edits, *forced, *errors})
    return [
        _approver(name, by_name.get(name, []), viewed, edits, forced, refused, errors.get(name, [])) for name in names
    ]


def _approver(
    name: str,
    votes: list[Vote],
    viewed: dict[tuple[int, int], int],
    edits: dict[str, int],
    forced: dict[str, int],
    refused: dict[str, int],
    errors: list[float],
) -> Approver:
    approvals = [vote for vote in votes if vote.decision == Decision.APPROVE]
    seconds = [viewed[vote.voter_id, vote.version_id] for vote in votes if (vote.voter_id, vote.version_id) in viewed]
    quick = [v for v in approvals if viewed.get((v.voter_id, v.version_id), TOO_QUICK_S) < TOO_QUICK_S]
    return Approver(
        username=name,
        approvals=len(approvals),
        rejections=len(votes) - len(approvals),
        edits=edits.get(name, 0),
        forced=forced.get(name, 0),
        refusals=refused.get(name, 0),
        drift_accepted=sum((vote.drift or {}).get("level") == "amber" for vote in approvals),
        viewed_median_s=median(seconds) if seconds else None,
        too_quick=len(quick),
        estimate_error_mw=median(errors) if errors else None,
        estimates=len(errors),
    )


def _viewed_s(votes: list[Vote]) -> dict[tuple[int, int], int]:
    """Seconds by person and version, all visits added."""
    rows = PlanViewing.objects.filter(version_id__in={vote.version_id for vote in votes})
    return {
        (row["by_id"], row["version_id"]): row["total"]
        for row in rows.values("by_id", "version_id").annotate(total=Sum("seconds")).order_by()
    }


def _counted(rows: Iterable[PlanRequest | BreakGlass | PlanRefusal]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.by is not None:
            counts[row.by.get_username()] += 1
    return counts


def _estimate_errors(since: datetime) -> dict[str, list[float]]:
    """How far estimates lay from the plan's own median, MW, by name."""
    errors: dict[str, list[float]] = defaultdict(list)
    for row in Estimate.objects.filter(wall_at__gte=since).select_related("by", "version").order_by("pk"):
        planned_mw = parse_content(row.version.content).planned_p50_mw
        errors[row.by.get_username()].append(abs(float(row.mw - planned_mw)))
    return errors
