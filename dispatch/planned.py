"""What an approved version promised, as arrays over its window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dispatch.measurement.delivered import Array
from planning.core.content import parse_content
from planning.models import PlanVersion


@dataclass(frozen=True, slots=True)
class PlannedMw:
    """Quarter-hour means over the window, MW less load, net of rebound: the fleet's P50 (n,) and each cohort's (n,)."""

    total_mw: Array
    by_slug: Mapping[str, Array]


def planned_mw_of(version: PlanVersion) -> PlannedMw:
    """Read from the content people approved."""
    content = parse_content(version.content)
    return PlannedMw(
        total_mw=np.array([float(each.p50_mw) for each in content.window_band]),
        by_slug={c.slug: np.array([float(each.net_mw) for each in c.intervals]) for c in content.cohorts},
    )
