"""The portal's own load forecast, from past loads alone.

Target: the log of load over the load 24 hours earlier (48 for leads beyond a day), which takes growth out. A ridge
regression, fitted anew at each issue on the same hour of the past weeks, says how much of the last hours' change
against yesterday persists, how much of the last days' mean returns, and what the weekday does. No temperature forecast
enters: what is known of today's weather is in the last hours' load. Bands are quantiles of the fit's own residuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grid.core.series import HOURS_PER_DAY, HourlySeries, without_gaps

HORIZON_H: Final = 36
TRAINING_DAYS: Final = 60
FEWEST_TRAINING_DAYS: Final = 14
WEEK_H: Final = 7 * HOURS_PER_DAY
LOOK_BACK_H: Final = 2 * WEEK_H + HOURS_PER_DAY  # the oldest load a feature looks at, before the origin
RIDGE: Final = 0.05  # of the rows' number, on standardised features
LEAD_GROUPS: Final = ((0, 6), (6, 12), (12, 24), (24, HORIZON_H))  # fitted apart: what persists fades with the lead
BAND: Final = (0.1, 0.9)
# ERCOT's own day-ahead forecast missed by 2.2 % on average in 2024-25; used while there are too few errors of our own.
DEFAULT_BAND: Final = (-0.035, 0.035)
FEWEST_ERRORS: Final = 100


@dataclass(frozen=True, slots=True)
class LoadBand:
    """Hourly load from the end of the history on: expectation and 80 % band, MW, each (n_hours,)."""

    load_mw: NDArray[np.float64]
    p10_mw: NDArray[np.float64]
    p90_mw: NDArray[np.float64]


def forecast_load(history: HourlySeries) -> LoadBand | None:
    """The HORIZON_H hours after `history`; of under a month yesterday's loads; None of under a day."""
    if len(history.values) < HOURS_PER_DAY:
        return None
    log_load = np.log(np.maximum(without_gaps(history.values), 1.0))
    days = min(TRAINING_DAYS, (len(log_load) - LOOK_BACK_H) // HOURS_PER_DAY - 1)
    if days < FEWEST_TRAINING_DAYS:
        return _banded(_base(log_load, np.array([len(log_load)]))[0], np.tile(DEFAULT_BAND, (HORIZON_H, 1)))
    return _regression(log_load, days)


def band_of_errors(log_errors: NDArray[np.float64]) -> tuple[float, float]:
    """10 % and 90 % quantile of log(actual / forecast), shape (n_errors,); the default band when there are few."""
    if len(log_errors) < FEWEST_ERRORS:
        return DEFAULT_BAND
    low, high = np.quantile(log_errors, BAND)
    return min(float(low), 0.0), max(float(high), 0.0)


def _regression(log_load: NDArray[np.float64], days: int) -> LoadBand:
    issue = len(log_load)
    origins = issue - HOURS_PER_DAY * np.arange(1, days + 1)
    features = _features(log_load, np.append(origins, issue))
    targets = origins[:, None] + np.arange(HORIZON_H)
    seen = targets < issue  # the newest origins' far leads have not happened
    change = log_load[np.minimum(targets, issue - 1)] - _base(log_load, origins)
    expected = _base(log_load, np.array([issue]))[0]
    bands = np.zeros((HORIZON_H, 2))
    for first, last in LEAD_GROUPS:
        group = slice(first, last)
        rows = seen[:, group]
        predicted, residuals = _ridge(features[:-1, group][rows], change[:, group][rows], features[-1, group])
        expected[group] += predicted
        bands[group] = np.quantile(residuals, BAND)
    return _banded(expected, bands)


def _base(log_load: NDArray[np.float64], origins: NDArray[np.int64]) -> NDArray[np.float64]:
    """The newest same-hour load known at each origin; (n_origins, HORIZON_H)."""
    return log_load[_base_index(origins)]


def _base_index(origins: NDArray[np.int64]) -> NDArray[np.int64]:
    leads = np.arange(HORIZON_H)
    return origins[:, None] + leads - HOURS_PER_DAY * (leads // HOURS_PER_DAY + 1)


def _features(log_load: NDArray[np.float64], origins: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is known at each origin about each lead; (n_origins, HORIZON_H, 7)."""
    leads = np.arange(HORIZON_H)
    base_at = _base_index(origins)
    base = log_load[base_at]
    target_at = origins[:, None] + leads
    recent = np.mean([log_load[origins - i] - log_load[origins - i - HOURS_PER_DAY] for i in (1, 2, 3)], axis=0)[
        :, None
    ]
    columns = (
        np.ones_like(base),
        recent * np.exp(-(leads + 1) / 4),
        recent * np.exp(-(leads + 1) / 12),
        recent * np.ones(HORIZON_H),
        np.mean([log_load[base_at - k * HOURS_PER_DAY] for k in (1, 2, 3)], axis=0) - base,
        log_load[target_at - WEEK_H] - log_load[base_at - WEEK_H],
        log_load[target_at - 2 * WEEK_H] - log_load[base_at - 2 * WEEK_H],
    )
    return np.stack(columns, axis=-1)


def _ridge(
    features: NDArray[np.float64], change: NDArray[np.float64], asked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions for the rows of `asked`, and the fit's residuals; the first column is the constant."""
    scale = features.std(axis=0) + 1e-9
    scale[0] = 1.0
    rows = features / scale
    penalty = RIDGE * len(rows) * np.eye(rows.shape[1])
    penalty[0, 0] /= 10
    weights = np.linalg.solve(rows.T @ rows + penalty, rows.T @ change)
    return asked / scale @ weights, change - rows @ weights


def _banded(log_load: NDArray[np.float64], bands: NDArray[np.float64]) -> LoadBand:
    low, high = np.minimum(bands[:, 0], 0.0), np.maximum(bands[:, 1], 0.0)
    return LoadBand(np.exp(log_load), np.exp(log_load + low), np.exp(log_load + high))
