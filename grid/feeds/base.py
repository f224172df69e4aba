"""What every feed can answer. Feeds know outside formats and core records, and no models."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from grid.core.records import LoadForecast, SnapshotRecord, WeatherRecord


class GridFeed(Protocol):
    """A source of observations. Asked for less than everything, it must not look at the rest."""

    @property
    def source(self) -> str:
        """The name its records carry; another content has another name."""

    @property
    def history_start(self) -> datetime | None:
        """The first instant it can say anything about; None: no beginning."""

    @property
    def history_end(self) -> datetime | None:
        """The end of its last hour; None: it goes on."""

    @property
    def backfill(self) -> timedelta:
        """How much history before the first look is worth having."""

    def snapshots(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[SnapshotRecord]:
        """What was observed in (after, until], oldest first; means of `every` for a feed with a quicker rhythm."""

    def weather(self, after: datetime, until: datetime, *, every: timedelta | None = None) -> list[WeatherRecord]:
        """The weather observed in (after, until], oldest first, likewise."""

    def forecast(self, known_by: datetime) -> LoadForecast | None:
        """The newest forecast published by `known_by`, or None."""
