"""`/api/v1/`: each app's resources, the schema with its reader, and a problem body for every path that is none."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from portal.problem import UnknownPath
from portal.result_api import ResultView

docs = SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="portal/api_docs.html")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("grid.api.urls")),
    path("", include("cohorts.api.urls")),
    path("", include("planning.api.urls")),
    path("", include("dispatch.api.urls")),
    path("plans/<str:plan_id>/result", ResultView.as_view(), name="plan_result"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs, name="docs"),
    re_path(r"^.*$", UnknownPath.as_view()),
]
