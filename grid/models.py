"""What was observed and forecast, with source and instant, and the one row that says what time it is.

Rows of observations and forecasts are only ever added. Readers bound every query by the portal's clock, so a row of a
later instant (an earlier run of the same scenario, say) is invisible until its time comes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

MIN_SPEED, MAX_SPEED = 1.0, 600.0


class Clock(models.Model):
    """The portal's one clock: a single row that PostgreSQL's portal_now() and grid/clock.py both read.

    Scenario time is `scenario_anchor` plus `speed` times the wall time since `wall_anchor`, unless paused or held.
    """

    class Mode(models.TextChoices):
        LIVE = "LIVE", "Live"
        REPLAY = "REPLAY", "Replay"
        DRILL = "DRILL", "Drill"

    SINGLE_ID = 1

    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.LIVE)
    source = models.CharField(max_length=1000, default="synthetic", help_text="'synthetic' or a replay file's path")
    random_seed = models.IntegerField(default=1, help_text="of the synthetic feed")
    data_source = models.CharField(
        max_length=200, default="synthetic:1", help_text="the source observations carry; a replay file's holds its hash"
    )
    label = models.CharField(max_length=200, default="SIMULATED GRID")
    scenario_start = models.DateTimeField(null=True, blank=True)
    scenario_end = models.DateTimeField(null=True, blank=True)
    scenario_anchor = models.DateTimeField(null=True, blank=True)
    wall_anchor = models.DateTimeField(null=True, blank=True)
    speed = models.FloatField(default=1.0, help_text="scenario seconds per wall second")
    paused = models.BooleanField(default=False, help_text="by a person")
    vote_pending = models.BooleanField(default=False, help_text="a plan awaits a vote and no event runs")
    hold_for_votes = models.BooleanField(default=True)
    run = models.PositiveIntegerField(default=0, help_text="which scenario run this is, counted from 1; 0 when live")

    class Meta:
        verbose_name_plural = "clock"
        permissions = [("control_clock", "Can pause, resume, step and speed up the scenario clock")]
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="clock_is_a_single_row"),
            models.CheckConstraint(condition=Q(mode__in=["LIVE", "REPLAY", "DRILL"]), name="clock_mode_is_known"),
            models.CheckConstraint(condition=Q(speed__gte=1, speed__lte=600), name="clock_speed_between_1_and_600"),
            models.CheckConstraint(
                condition=Q(mode="LIVE", scenario_anchor=None, wall_anchor=None, scenario_start=None, paused=False)
                | Q(
                    ~Q(mode="LIVE"),
                    scenario_anchor__isnull=False,
                    wall_anchor__isnull=False,
                    scenario_start__isnull=False,
                    scenario_end__isnull=False,
                    scenario_end__gt=F("scenario_start"),
                    scenario_anchor__gte=F("scenario_start"),
                ),
                name="clock_scenario_is_complete",
            ),
            models.CheckConstraint(condition=Q(mode="LIVE") | ~Q(label=""), name="clock_scenario_has_a_label"),
            models.CheckConstraint(
                condition=Q(mode="LIVE", run=0) | Q(~Q(mode="LIVE"), run__gt=0), name="clock_scenario_run_is_numbered"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} on {self.source}"

    @property
    def held(self) -> bool:
        """Whether scenario time stands still because a vote is awaited."""
        return self.vote_pending and self.hold_for_votes and self.mode != self.Mode.LIVE


class ClockChange(models.Model):
    """What was done to the clock, by whom, in wall and scenario time. Append-only."""

    class Action(models.TextChoices):
        STARTED = "STARTED", "started"
        CONTINUED = "CONTINUED", "continued"
        PAUSED = "PAUSED", "paused"
        RESUMED = "RESUMED", "resumed"
        SPEED_SET = "SPEED_SET", "speed set"
        STEPPED = "STEPPED", "stepped"

    action = models.CharField(max_length=12, choices=Action.choices)
    mode = models.CharField(max_length=8, choices=Clock.Mode.choices)
    source = models.CharField(max_length=1000)
    speed = models.FloatField()
    hold_for_votes = models.BooleanField()
    run = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="empty: the start"
    )
    wall_at = models.DateTimeField()
    before_at = models.DateTimeField(null=True, help_text="portal time just before")
    after_at = models.DateTimeField(help_text="portal time just after")

    def __str__(self) -> str:
        return f"{self.get_action_display()} at {self.after_at:%Y-%m-%d %H:%M}Z"

    @property
    def stepped_min(self) -> float:
        """Minutes of portal time it moved ahead at once."""
        return (self.after_at - self.before_at).total_seconds() / 60 if self.before_at else 0.0


Row = TypeVar("Row", bound=models.Model, covariant=True)


class ObservedQuerySet(models.QuerySet[Row]):
    """Rows that carry `source` and `observed_at`."""

    def known(self, *, source: str, at: datetime) -> Self:
        """Rows of one source that had been observed by `at`."""
        return self.filter(source=source, observed_at__lte=at)


class Snapshot(models.Model):
    """The grid at one instant; of hourly sources the mean of the hour that ended at `observed_at`. Null: not known."""

    class ReservesKind(models.TextChoices):
        MEASURED = "MEASURED", "measured"
        DERIVED = "DERIVED", "derived"

    observed_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    system_load_mw = models.FloatField(null=True)
    zone_load_mw = models.JSONField(default=dict, help_text="MW by weather zone")
    prices_usd_per_mwh = models.JSONField(default=dict, help_text="by load zone; null where not known")
    highest_price_usd_per_mwh = models.FloatField(null=True, help_text="highest known load-zone price")
    reserves_mw = models.FloatField(null=True)
    reserves_kind = models.CharField(max_length=8, choices=ReservesKind.choices, null=True)
    eea_level = models.SmallIntegerField(null=True, help_text="declared by ERCOT, 0-3; null: not known")
    wind_mw = models.FloatField(null=True)
    solar_mw = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ObservedQuerySet["Snapshot"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "observed_at"], name="snapshot_once_per_source_and_instant"),
            models.CheckConstraint(condition=Q(system_load_mw__gte=0), name="snapshot_load_is_not_negative"),
            models.CheckConstraint(condition=Q(eea_level__range=(0, 3)), name="snapshot_eea_level_is_0_to_3"),
            models.CheckConstraint(
                condition=Q(reserves_mw=None, reserves_kind=None)
                | Q(reserves_mw__isnull=False, reserves_kind__isnull=False, reserves_kind__in=["MEASURED", "DERIVED"]),
                name="snapshot_reserves_say_their_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.observed_at:%Y-%m-%d %H:%M}Z"


class Method(models.TextChoices):
    """Who says what a forecast says."""

    DAY_AHEAD = "DAY_AHEAD", "day-ahead forecast as published"
    PORTAL = "PORTAL", "the portal's own forecast from the past"
    MIXED = "MIXED", "day-ahead where published, the portal's own beyond"


class ForecastVintage(models.Model):
    """One load forecast as it was issued; never changed, a newer one is another row."""

    source = models.CharField(max_length=200, help_text="of the observations it was made for")
    method = models.CharField(max_length=12, choices=Method.choices)
    label = models.CharField(max_length=200)
    issued_at = models.DateTimeField()
    known_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "method", "known_at"], name="forecast_vintage_once_per_instant"),
            models.CheckConstraint(
                condition=Q(method__in=["DAY_AHEAD", "PORTAL", "MIXED"]), name="forecast_method_is_known"
            ),
            models.CheckConstraint(condition=Q(known_at__gte=F("issued_at")), name="forecast_known_not_before_issued"),
        ]

    def __str__(self) -> str:
        return f"{self.label} known {self.known_at:%Y-%m-%d %H:%M}Z"


class ForecastPoint(models.Model):
    """One hour of a vintage."""

    vintage = models.ForeignKey("grid.ForecastVintage", on_delete=models.CASCADE, related_name="points")
    starts_at = models.DateTimeField()
    method = models.CharField(max_length=12, choices=Method.choices, help_text="who says this hour")
    load_mw = models.FloatField()
    p10_mw = models.FloatField(null=True)
    p90_mw = models.FloatField(null=True)
    price_usd_per_mwh = models.FloatField(null=True, help_text="expected highest load-zone price")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vintage", "starts_at"], name="forecast_point_once_per_hour"),
            models.CheckConstraint(condition=Q(load_mw__gte=0), name="forecast_load_is_not_negative"),
            models.CheckConstraint(
                # "Not null" is said aloud because a CHECK passes what compares to null.
                condition=Q(p10_mw=None, p90_mw=None)
                | Q(
                    p10_mw__isnull=False,
                    p90_mw__isnull=False,
                    p10_mw__lte=F("load_mw"),
                    p90_mw__gte=F("load_mw"),
                ),
                name="forecast_band_holds_the_load",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}Z {self.load_mw:,.0f} MW"


class WeatherObservation(models.Model):
    """The weather of one place; of hourly sources of the hour that ended at `observed_at`. Null: not known."""

    place = models.CharField(max_length=40)
    observed_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    temp_f = models.FloatField(null=True)
    humidity_pct = models.FloatField(null=True)
    wind_mph = models.FloatField(null=True)
    conditions = models.CharField(max_length=40, null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ObservedQuerySet["WeatherObservation"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "place", "observed_at"], name="weather_once_per_source_place_and_instant"
            ),
            models.CheckConstraint(condition=Q(humidity_pct__range=(0, 100)), name="weather_humidity_is_a_percentage"),
            models.CheckConstraint(condition=Q(wind_mph__gte=0), name="weather_wind_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.observed_at:%Y-%m-%d %H:%M}Z"


class ProcessHeartbeat(models.Model):
    """When a process was last seen, in wall time; `portal_at` lets a restarted scenario go on where it was left."""

    name = models.CharField(max_length=40, primary_key=True)
    wall_at = models.DateTimeField()
    portal_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
