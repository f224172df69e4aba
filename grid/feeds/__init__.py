"""Outside formats turned into validated, frozen records; one module per source."""

from __future__ import annotations

from grid.feeds.base import GridFeed
from grid.feeds.replay import ReplayFileInvalid, ReplayFileMissing, open_replay
from grid.feeds.scenarios import Scenario, ScenarioFact, scenarios
from grid.feeds.synthetic import SyntheticFeed

SYNTHETIC = "synthetic"

__all__ = [
    "SYNTHETIC",
    "GridFeed",
    "ReplayFileInvalid",
    "ReplayFileMissing",
    "Scenario",
    "ScenarioFact",
    "SyntheticFeed",
    "open_feed",
    "scenarios",
]


def open_feed(source: str, *, random_seed: int = 1) -> GridFeed:
    """The synthetic feed, or the replay of the file at path `source`.

    Raises ReplayFileMissing or ReplayFileInvalid. A file is read once per process and again when it changes.
    """
    return SyntheticFeed(random_seed) if source == SYNTHETIC else open_replay(source)
