"""The grid's record in the supervisors' site: to read, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from grid.models import (
    Clock,
    ClockChange,
    ForecastPoint,
    ForecastVintage,
    ProcessHeartbeat,
    Snapshot,
    WeatherObservation,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows are written by the feed and the clock's operations alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody deletes rows here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Whoever may see the grid's state may see its record."""
        return request.user.has_perm("grid.view_snapshot")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Likewise."""
        return request.user.has_perm("grid.view_snapshot")


class PointInline(admin.TabularInline):
    """The hours of a vintage."""

    model = ForecastPoint
    ordering = ("starts_at",)
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Whoever sees the vintage sees its hours."""
        return request.user.has_perm("grid.view_snapshot")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody changes rows here."""
        return False


@admin.register(Clock)
class ClockAdmin(ReadOnlyAdmin):
    """The one clock."""

    list_display = ("mode", "label", "source", "speed", "paused", "vote_pending", "scenario_start")


@admin.register(ClockChange)
class ClockChangeAdmin(ReadOnlyAdmin):
    """What was done to the clock."""

    list_display = ("wall_at", "action", "mode", "speed", "before_at", "after_at", "by")
    list_select_related = ("by",)
    ordering = ("-pk",)


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Observations, newest first."""

    list_display = ("observed_at", "source", "system_load_mw", "highest_price_usd_per_mwh", "reserves_mw", "eea_level")
    list_filter = ("source",)
    ordering = ("-observed_at", "-pk")


@admin.register(ForecastVintage)
class ForecastVintageAdmin(ReadOnlyAdmin):
    """Forecasts, newest first, with their hours."""

    list_display = ("known_at", "source", "method", "label")
    list_filter = ("source", "method")
    ordering = ("-known_at", "-pk")
    inlines = (PointInline,)


@admin.register(WeatherObservation)
class WeatherObservationAdmin(ReadOnlyAdmin):
    """Weather, newest first."""

    list_display = ("observed_at", "place", "temp_f", "humidity_pct", "wind_mph", "conditions", "source")
    list_filter = ("place", "source")
    ordering = ("-observed_at", "-pk")


@admin.register(ProcessHeartbeat)
class ProcessHeartbeatAdmin(ReadOnlyAdmin):
    """When each process was last seen."""

    list_display = ("name", "wall_at", "portal_at")
    ordering = ("name",)
