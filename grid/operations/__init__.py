"""What is done to the grid's record and to the portal's clock: one function, one action, one transaction."""

from grid.operations.clock import (
    ClockNotControllable,
    ClockRightMissing,
    ScenarioIncomplete,
    ScenarioOutsideReplay,
    SourceWithoutFile,
    SpeedOutOfRange,
    StepNotPositive,
    beat,
    pause_clock,
    resume_clock,
    set_speed,
    start_clock,
    step_clock,
)
from grid.operations.ingest import FeedNotOfTheClock, IngestResult, current_feed, ingest

__all__ = [
    "ClockNotControllable",
    "ClockRightMissing",
    "FeedNotOfTheClock",
    "IngestResult",
    "ScenarioIncomplete",
    "ScenarioOutsideReplay",
    "SourceWithoutFile",
    "SpeedOutOfRange",
    "StepNotPositive",
    "beat",
    "current_feed",
    "ingest",
    "pause_clock",
    "resume_clock",
    "set_speed",
    "start_clock",
    "step_clock",
]
