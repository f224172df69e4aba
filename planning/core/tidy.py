"""Few runs instead of many: people read the plan, and every run is a group of endpoints with its own times.

An LP optimum splits a cohort into as many runs as there are binding rows. From the smallest run up, each is left out
if the plan without it costs little more; a run that stays is worth having or holds more than a few accounts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from planning.core.formulation import Profiles, Programme
from planning.core.highs import Answer, minimise
from planning.core.problem import Array

RUN_USD: Final = 100.0
"""What one more run must save [A]."""

LEAST_RUN_SHARE: Final = 0.03
"""A run below this share of its cohort's eligible accounts must save ten times as much [A]."""

SMALL_RUN_FACTOR: Final = 10.0
USED: Final = 1e-6


def leave_out_runs(programme: Programme, profiles: Profiles, answer: Answer) -> NDArray[np.bool_]:
    """Which patterns to keep (K,), starting from those `answer` (of the relaxed programme) uses."""
    patterns = profiles.member.shape[1]
    accounts = answer.values[:patterns]
    eligible = profiles.member.T @ profiles.accounts
    kept = accounts > USED
    cost_usd = float(programme.cost @ answer.values)
    for k in _smallest_first(accounts, eligible):
        without = kept.copy()
        without[k] = False
        tried = minimise(only(programme, without))
        tried_usd = float(programme.cost @ tried.values)
        small = accounts[k] < LEAST_RUN_SHARE * eligible[k]
        if tried_usd <= cost_usd + RUN_USD * (SMALL_RUN_FACTOR if small else 1.0):
            kept, cost_usd, accounts = without, tried_usd, tried.values[:patterns]
            kept &= accounts > USED
    return kept


def only(programme: Programme, kept: NDArray[np.bool_]) -> Programme:
    """The programme with all other patterns held at zero; runs without accounts are always feasible, if short."""
    upper = programme.upper.copy()
    upper[: len(kept)][~kept] = 0.0
    return replace(programme, upper=upper)


def _smallest_first(accounts: Array, eligible: Array) -> list[int]:
    share = accounts / np.maximum(eligible, 1.0)
    return [int(k) for k in np.argsort(share, kind="stable") if accounts[k] > USED]
