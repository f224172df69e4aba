"""What a portal that has just been set up still lacks, and who brings it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from portal.frame import Frame


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a plan needs; `url` and `link` only for somebody who may bring it."""

    what: str
    words: str
    done: bool
    url: str = ""
    link: str = ""


def first_steps(frame: Frame, *, has_cohorts: bool) -> list[Step]:
    """Empty once the grid is read and a cohort can be called."""
    has_grid = frame.observed_at is not None
    if has_grid and has_cohorts:
        return []
    return [_grid(done=has_grid), _cohorts(frame, done=has_cohorts), _plan(frame, ready=has_grid and has_cohorts)]


def _grid(*, done: bool) -> Step:
    missing = "The worker reads it within a minute of its start; the foot of the page says how it does."
    return Step("A reading of the grid", "It is being read." if done else missing, done)


def _cohorts(frame: Frame, *, done: bool) -> Step:
    if done:
        return Step("A cohort that can be called", "There is at least one.", done)
    if frame.may_add_cohorts:
        link = reverse("admin:cohorts_cohort_add")
        return Step("A cohort that can be called", "None is enrolled yet.", done, link, "Add the first cohort")
    return Step("A cohort that can be called", "None is enrolled yet; a supervisor adds them.", done)


def _plan(frame: Frame, *, ready: bool) -> Step:
    words = "The watch agent files one when the forecast is tight; or somebody asks for one."
    if ready and "planning.propose_plan" in frame.rights:
        return Step("A plan", words, done=False, url=reverse("generate"), link="Generate a plan")
    return Step("A plan", words, done=False)
