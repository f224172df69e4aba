"""One mixed-integer programme through HiGHS: one thread, limited by nodes, the same answer every time."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Final

import highspy
import numpy as np

from planning.core.formulation import Programme
from planning.core.problem import Array

TIME_LIMIT_S: Final = 60.0
"""A last resort only: what a machine manages in a given time must not decide what is planned."""

MOST_NODES: Final = 2_000
"""The real limit of the search, the same on every machine."""

RELATIVE_GAP: Final = 1e-3


class NoSolution(RuntimeError):
    """HiGHS ended without any feasible point; `status` in its words."""

    def __init__(self, *, status: str) -> None:
        self.status = status
        super().__init__(f"The solver found no plan: {status}")


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Column values, HiGHS status in words, seconds taken, relative gap (0 for a pure LP)."""

    values: Array
    status: str
    solve_s: float
    gap: float


def minimise(programme: Programme, *, time_limit_s: float = TIME_LIMIT_S) -> Answer:
    """Solve; a feasible point at the time limit counts, with its gap told. Raises NoSolution."""
    started = perf_counter()
    solver = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "time_limit": time_limit_s,
        "mip_max_nodes": MOST_NODES,
    }
    for name, value in {**options, "mip_rel_gap": RELATIVE_GAP}.items():
        solver.setOptionValue(name, value)
    solver.passModel(_model(programme))
    solver.run()
    info = solver.getInfo()
    status = solver.modelStatusToString(solver.getModelStatus())
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise NoSolution(status=status)
    whole = bool(programme.integer.any())
    gap = float(info.mip_gap) if whole and np.isfinite(info.mip_gap) else 0.0
    values = np.array(solver.getSolution().col_value, dtype=np.float64)
    return Answer(values, status, perf_counter() - started, gap)


def _model(programme: Programme) -> highspy.HighsLp:
    matrix = programme.rows.matrix
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = programme.cost, programme.lower, programme.upper
    lp.row_lower_, lp.row_upper_ = programme.rows.lower, programme.rows.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    if programme.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in programme.integer]
    return lp
