"""How often events kept what their plans stated, with the interval that so few events allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

FIRM_SHARE: Final = 0.9
"""A plan's firm MW are those its mean delivery exceeds nine times in ten."""

FEWEST_TO_JUDGE: Final = 10
Z_95: Final = 1.959964  # of the standard normal distribution, two-sided 95 %

Verdict = Literal["too few", "as stated", "less often", "more often"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One completed event: means over its window in MW, and the stated probability to reach the target (0..1)."""

    delivered_mw: float
    firm_mw: float
    target_mw: float
    confidence: float


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`kept` of `of` events kept it; shares 0..1. `low` to `high` is Wilson's 95 % interval, None without events."""

    stated: float | None
    kept: int
    of: int
    low: float | None
    high: float | None

    @property
    def share(self) -> float | None:
        """How often it was kept."""
        return self.kept / self.of if self.of else None

    @property
    def verdict(self) -> Verdict:
        """Whether that agrees with what was stated, as far as so many events can tell."""
        if self.of < FEWEST_TO_JUDGE or self.stated is None or self.low is None or self.high is None:
            return "too few"
        if self.high < self.stated:
            return "less often"
        return "more often" if self.low > self.stated else "as stated"


def firm_record(deliveries: Sequence[Delivery]) -> TrackRecord:
    """How often at least the firm MW came."""
    kept = sum(each.delivered_mw >= each.firm_mw for each in deliveries)
    return _record(FIRM_SHARE if deliveries else None, kept, len(deliveries))


def target_record(deliveries: Sequence[Delivery]) -> TrackRecord:
    """How often at least the target came; stated is the mean of the plans' own probabilities."""
    stated = math.fsum(each.confidence for each in deliveries) / len(deliveries) if deliveries else None
    kept = sum(each.delivered_mw >= each.target_mw for each in deliveries)
    return _record(stated, kept, len(deliveries))


def _record(stated: float | None, kept: int, of: int) -> TrackRecord:
    low, high = wilson_interval(kept, of) if of else (None, None)
    return TrackRecord(stated, kept, of, low, high)


def wilson_interval(kept: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share after `kept` of `of` > 0 trials (E. B. Wilson, JASA 22 (1927) 209-212)."""
    share, z2 = kept / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max(0.0, middle - half), min(1.0, middle + half)
