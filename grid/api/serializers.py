"""JSON of the grid's context. `null` always means "not known"."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Output(serializers.Serializer[Any]):
    """A body made here, of read-models."""


class SnapshotOutput(Output):
    """The grid now."""

    observed_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(allow_null=True, help_text="seconds in the portal's clock")
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    mode = serializers.ChoiceField(choices=["live", "replay", "drill"])
    system_load_mw = serializers.FloatField(allow_null=True)
    zone_load_mw = serializers.DictField(child=serializers.FloatField(), help_text="by weather zone")
    prices_usd_per_mwh = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="by load zone: LZ_HOUSTON …"
    )
    reserves_mw = serializers.FloatField(allow_null=True)
    reserves_kind = serializers.ChoiceField(choices=["measured", "derived"], allow_null=True)
    eea_level = serializers.IntegerField(allow_null=True, help_text="declared by ERCOT, 0-3")
    wind_mw = serializers.FloatField(allow_null=True)
    solar_mw = serializers.FloatField(allow_null=True)


class ForecastHourOutput(Output):
    """One hour of load, with its 80 % band, and the expected highest load-zone price."""

    starts_at = serializers.DateTimeField()
    load_mw = serializers.FloatField()
    p10_mw = serializers.FloatField(allow_null=True)
    p90_mw = serializers.FloatField(allow_null=True)
    price_usd_per_mwh = serializers.FloatField(allow_null=True)


class ForecastOutput(Output):
    """Load and price of the next 24 hours."""

    issued_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    results = ForecastHourOutput(many=True)


class WeatherHourOutput(Output):
    """One forecast hour."""

    starts_at = serializers.DateTimeField()
    temp_f = serializers.FloatField()
    conditions = serializers.CharField(allow_null=True)


class WeatherOutput(Output):
    """The weather of the city nearest to a ZIP."""

    zip = serializers.CharField()
    place = serializers.CharField()
    observed_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(allow_null=True, help_text="seconds in the portal's clock")
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    temp_f = serializers.FloatField(allow_null=True)
    humidity_pct = serializers.FloatField(allow_null=True)
    wind_mph = serializers.FloatField(allow_null=True)
    conditions = serializers.CharField(allow_null=True)
    forecast = WeatherHourOutput(many=True)


class ClockOutput(Output):
    """What the portal's clock says."""

    mode = serializers.ChoiceField(choices=["live", "replay", "drill"])
    at = serializers.DateTimeField(help_text="portal time")
    source = serializers.CharField(source="data_source")  # type: ignore[assignment]
    label = serializers.CharField()  # type: ignore[assignment]
    speed = serializers.FloatField(help_text="scenario seconds per wall second")
    paused = serializers.BooleanField(help_text="by a person")
    held = serializers.BooleanField(help_text="while a plan awaits a vote and no event runs")
    scenario_start = serializers.DateTimeField(allow_null=True)
    scenario_end = serializers.DateTimeField(allow_null=True)


class ClockInput(serializers.Serializer[Any]):
    """What to do to the clock of a replay or drill."""

    action = serializers.ChoiceField(choices=["pause", "resume", "step", "speed"])
    minutes = serializers.FloatField(required=False, help_text="for step: 1 to 1440")
    speed = serializers.FloatField(required=False, help_text="for speed: 1 to 600")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        """A step needs minutes, a speed its number."""
        needed = {"step": "minutes", "speed": "speed"}.get(str(attrs["action"]))
        if needed and needed not in attrs:
            raise serializers.ValidationError({needed: f"The action {attrs['action']} needs this number."})
        return attrs
