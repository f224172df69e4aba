"""What a measured event teaches, in numbers: against plan and band, by cohort, by those who opted out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

NOTABLE_SHARE: Final = 0.1
"""A cohort this much above or below its part of the plan is worth a word [A]."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What the approved content promised of the window's mean, MW; `confidence` 0..1 to reach the target."""

    planned_mw: float
    firm_mw: float
    high_mw: float
    target_mw: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The window's mean delivered, MW, against what was stated."""

    delivered_mw: float
    stated: Stated

    @property
    def share_of_plan(self) -> float | None:
        """Delivered over planned; None when nothing was planned."""
        return self.delivered_mw / self.stated.planned_mw if self.stated.planned_mw > 0 else None

    @property
    def firm(self) -> bool:
        """Whether at least the firm MW came."""
        return self.delivered_mw >= self.stated.firm_mw

    @property
    def target(self) -> bool:
        """Whether at least the target came."""
        return self.delivered_mw >= self.stated.target_mw

    @property
    def within_band(self) -> bool:
        """Whether it lies between P10 and P90."""
        return self.firm and self.delivered_mw <= self.stated.high_mw


@dataclass(frozen=True, slots=True)
class CohortOutcome:
    """One cohort: means over the window in MW, and its endpoints."""

    name: str
    planned_mw: float
    delivered_mw: float
    called: int
    opt_outs: int
    offline: int


def lessons(kept: Kept, cohorts: Sequence[CohortOutcome]) -> tuple[str, ...]:
    """Sentences for whoever plans the next event, the fleet first, then the cohorts that stood out."""
    return (_fleet(kept), *_who_stood_out(cohorts), *_who_left(cohorts))


def _fleet(kept: Kept) -> str:
    stated = kept.stated
    band = f"the stated band ({stated.firm_mw:,.1f} to {stated.high_mw:,.1f} MW)"
    if kept.within_band:
        return f"The delivery lies in {band}: the response model fits this day."
    if kept.firm:
        return f"{kept.delivered_mw - stated.high_mw:,.1f} MW above {band}: fewer endpoints would have done."
    below_mw = stated.firm_mw - kept.delivered_mw
    return f"{below_mw:,.1f} MW below {band}: one event in ten may be, several say that plans promise too much."


def _who_stood_out(cohorts: Sequence[CohortOutcome]) -> list[str]:
    """Those furthest off their part of the plan, at most two."""
    off = [
        (each.delivered_mw - each.planned_mw, each)
        for each in cohorts
        if each.planned_mw > 0 and abs(each.delivered_mw / each.planned_mw - 1.0) >= NOTABLE_SHARE
    ]
    off.sort(key=lambda pair: (-abs(pair[0]), pair[1].name))
    return [
        f"{each.name} gave {each.delivered_mw:,.1f} MW of {each.planned_mw:,.1f} planned"
        f" ({100 * each.delivered_mw / each.planned_mw:.0f} %)."
        for _difference, each in off[:2]
    ]


def _who_left(cohorts: Sequence[CohortOutcome]) -> list[str]:
    """The cohort with the largest share of opt-outs."""
    asked = [each for each in cohorts if each.called and each.opt_outs]
    if not asked:
        return ["Nobody opted out."]
    most = max(asked, key=lambda each: (each.opt_outs / each.called, each.name))
    share = most.opt_outs / most.called
    return [f"Most opt-outs: {most.name}, {most.opt_outs:,} of {most.called:,} endpoints ({100 * share:.1f} %)."]
