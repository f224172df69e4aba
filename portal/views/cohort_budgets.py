"""Budgets of calls as the pages show them: numbers, and what is near its end by shape and word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cohorts.models import Cohort
from planning.budgets import CallBudget, call_budgets
from portal.templatetags.pages import Chip
from portal.templatetags.quantities import duration_words
from portal.views.csv_answer import Sheet

FREE: Final = Chip("check", "may be called")
NEAR_SHARE: Final = 5  # a fifth of the season's calls, or the last one


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One cohort's budget with its word; `rest_words` empty: it is not resting."""

    budget: CallBudget
    chip: Chip
    rest_words: str

    @property
    def cohort(self) -> Cohort:
        """Whose budget it is."""
        return self.budget.cohort

    @property
    def left_share(self) -> float:
        """Of the season's calls, 0..1."""
        return self.budget.left_season / self.cohort.max_events_per_season

    @property
    def not_now(self) -> str:
        """Why an active cohort cannot be called now; empty: nothing of its budget keeps it."""
        budget = self.budget
        spent = not budget.left_season or not budget.left_today or budget.rest_until is not None
        return self.chip.word if self.cohort.active and spent else ""

    @property
    def free(self) -> bool:
        """Whether nothing keeps it from being called."""
        return self.chip == FREE


def budget_lines(cohorts: Iterable[Cohort], *, at: datetime) -> list[BudgetLine]:
    """In the order given."""
    return [_line(budget, at) for budget in call_budgets(cohorts, at=at)]


def tightest_first(lines: Iterable[BudgetLine]) -> list[BudgetLine]:
    """By the share of the season's calls that is left, the least first."""
    return sorted(lines, key=lambda line: (line.left_share, line.cohort.name))


def _line(budget: CallBudget, at: datetime) -> BudgetLine:
    rest = duration_words(_rounded_up(budget.rest_until - at)) if budget.rest_until else ""
    return BudgetLine(budget, budget_chip(budget), f"{rest} left" if rest else "")


def _rounded_up(length: timedelta) -> timedelta:
    return length + timedelta(seconds=59)


def budget_chip(budget: CallBudget) -> Chip:
    """The nearest limit first: the season, then the day, then rest."""
    left, allowed = budget.left_season, budget.cohort.max_events_per_season
    if not budget.cohort.active:
        return Chip("x", "not active")
    if left == 0:
        return Chip("triangle-alert", "season used up", "warn")
    if budget.left_today == 0:
        return Chip("ban", "used up today")
    if budget.rest_until:
        return Chip("hourglass", "resting")
    if left <= max(1, allowed // NEAR_SHARE):
        return Chip("diamond", "last call" if left == 1 else f"{left} calls left", "warn")
    return FREE


def budgets_sheet(lines: Sequence[BudgetLine]) -> Sheet:
    """Budgets as a file."""
    header = (
        "cohort",
        "calls_today",
        "allowed_today",
        "calls_this_season",
        "allowed_this_season",
        "rest_until",
        "next_call_at",
        "state",
    )
    return Sheet("call-budgets", header, (_sheet_row(line) for line in lines))


def _sheet_row(line: BudgetLine) -> list[object]:
    budget, cohort = line.budget, line.cohort
    today = [budget.used_today, cohort.max_events_per_day]
    season = [budget.used_season, cohort.max_events_per_season]
    return [cohort.name, *today, *season, budget.rest_until, budget.next_call_at, line.chip.word]
