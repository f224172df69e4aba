"""Few runs instead of many: people read the plan, and every run is a group of endpoints with its own times.

An LP optimum splits a cohort into as many runs as there are binding rows. Solved again over just those runs, each run
costs a little and holds at least a few per cent of its cohort.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy import sparse

from planning.core.formulation import Profiles, Programme, Rows

RUN_USD: Final = 100.0
"""What one more run must be worth [A]."""

LEAST_RUN_SHARE: Final = 0.05
"""A run holds at least this share of its cohort's eligible accounts, and at least one account [A]."""

TIDY_LIMIT_S: Final = 2.0


def with_few_runs(programme: Programme, profiles: Profiles) -> Programme:
    """Add y[k] in {0, 1}: least[k] y[k] <= n[k] <= eligible[g] y[k], at RUN_USD each."""
    runs = profiles.member.shape[1]
    most = profiles.member.T @ profiles.accounts
    least = np.maximum(1.0, np.floor(LEAST_RUN_SHARE * most))
    rows, columns = programme.rows.matrix.shape
    accounts = sparse.csr_array(sparse.eye_array(runs, columns))
    matrix = sparse.block_array(
        [
            [programme.rows.matrix, sparse.csr_array((rows, runs))],
            [accounts, sparse.csr_array(sparse.diags_array(-most))],
            [accounts, sparse.csr_array(sparse.diags_array(-least))],
        ],
        format="csr",
    )
    free = np.full(runs, np.inf)
    widened = Rows(
        sparse.csr_array(matrix),
        np.concatenate([programme.rows.lower, -free, np.zeros(runs)]),
        np.concatenate([programme.rows.upper, np.zeros(runs), free]),
    )
    return replace(
        programme,
        cost=np.append(programme.cost, np.full(runs, RUN_USD)),
        lower=np.append(programme.lower, np.zeros(runs)),
        upper=np.append(programme.upper, np.ones(runs)),
        integer=np.append(programme.integer, np.ones(runs, dtype=bool)),
        rows=widened,
    )
