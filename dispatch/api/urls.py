"""Resources of dispatch under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from dispatch.api.views import SignalListView

urlpatterns = [path("signals", SignalListView.as_view(), name="api_signals")]
