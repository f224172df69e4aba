"""Routes under `/api/v1/`."""

from django.urls import path

from grid.api.views import ClockView, CurrentView, ForecastView, WeatherView

urlpatterns = [
    path("context/ercot/current", CurrentView.as_view(), name="ercot_current"),
    path("context/ercot/forecast", ForecastView.as_view(), name="ercot_forecast"),
    path("context/weather/<str:zip_code>", WeatherView.as_view(), name="weather"),
    path("context/clock", ClockView.as_view(), name="clock"),
]
