"""`/api/v1/context/…`: the grid, the weather and the clock as the portal knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from grid import clock, queries
from grid.api.serializers import ClockInput, ClockOutput, ForecastOutput, SnapshotOutput, WeatherOutput
from grid.clock import ClockState
from grid.operations import pause_clock, resume_clock, set_speed, step_clock

NO_ZONES: Final[Mapping[str, Mapping[str, float]]] = {"zone_load_mw": {}, "prices_usd_per_mwh": {}}
ZIP = OpenApiParameter("zip", OpenApiTypes.STR, OpenApiParameter.PATH, description="a five-digit ZIP of Texas")


class MayView(BasePermission):
    """Every role may look; a person without a role may not."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's signature)
        """Whether they may see the grid's state."""
        return bool(request.user.has_perm("grid.view_snapshot"))


class ContextView(APIView):
    """Signed in, and with a role."""

    permission_classes = [IsAuthenticated, MayView]


class CurrentView(ContextView):
    """The grid now."""

    @extend_schema(operation_id="context_ercot_current", responses=SnapshotOutput)
    def get(self, _request: Request) -> Response:
        """The newest observation, its age in the portal's clock, and the EEA level ERCOT has declared."""
        state = clock.state()
        snapshot = queries.current_snapshot(at=state.at)
        known = asdict(snapshot) if snapshot else {**dict.fromkeys(SnapshotOutput().fields), **NO_ZONES}
        age_s = _age_s(snapshot.observed_at if snapshot else None, state.at)
        return Response(SnapshotOutput({**known, "age_s": age_s, "mode": state.mode.lower()}).data)


class ForecastView(ContextView):
    """The grid in the hours ahead."""

    @extend_schema(operation_id="context_ercot_forecast", responses=ForecastOutput)
    def get(self, _request: Request) -> Response:
        """Load with its 80 % band and expected price for 24 hours from the running one on."""
        forecast = queries.forecast_at(at=clock.now(), hours=24)
        if forecast is None:
            return Response(ForecastOutput({"issued_at": None, "source": None, "results": []}).data)
        source = f"{forecast.label} ({forecast.source})"
        hours = list(forecast.intervals)
        return Response(ForecastOutput({"issued_at": forecast.issued_at, "source": source, "results": hours}).data)


class WeatherView(ContextView):
    """The weather of a ZIP."""

    @extend_schema(operation_id="context_weather", parameters=[ZIP], responses=WeatherOutput)
    def get(self, _request: Request, zip_code: str) -> Response:
        """Observation and 24-hour temperature forecast of the city nearest to the ZIP; 404 outside Texas."""
        at = clock.now()
        weather = queries.weather_at(zip_code=zip_code, at=at)
        age_s = _age_s(weather.observed_at, at)
        return Response(WeatherOutput({**asdict(weather), "zip": zip_code, "age_s": age_s}).data)


class ClockView(ContextView):
    """The portal's clock."""

    @extend_schema(operation_id="context_clock", responses=ClockOutput)
    def get(self, _request: Request) -> Response:
        """Mode, portal time and speed."""
        return Response(_clock(clock.state()))

    @extend_schema(operation_id="context_clock_control", request=ClockInput, responses=ClockOutput)
    def post(self, request: Request) -> Response:
        """Pause, resume, step or speed up a replay or drill; 409 when live, 403 without the right to control it."""
        given = ClockInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(_clock(_control(by=request.user, wall_at=timezone.now(), **given.validated_data)))


def _control(
    *, action: str, by: Any, wall_at: datetime, minutes: float | None = None, speed: float | None = None
) -> ClockState:
    if action == "step" and minutes is not None:
        return step_clock(minutes=minutes, by=by, wall_at=wall_at)
    if action == "speed" and speed is not None:
        return set_speed(speed=speed, by=by, wall_at=wall_at)
    return (pause_clock if action == "pause" else resume_clock)(by=by, wall_at=wall_at)


def _clock(state: ClockState) -> Any:
    return ClockOutput({**asdict(state), "mode": state.mode.lower()}).data


def _age_s(observed_at: datetime | None, at: datetime) -> float | None:
    return round((at - observed_at).total_seconds(), 1) if observed_at else None
