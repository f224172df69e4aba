"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class GridConfig(AppConfig):
    """What the grid is doing: snapshots, prices, reserves, forecasts, weather, and the portal's one clock."""

    name = "grid"
    verbose_name = "Grid"
