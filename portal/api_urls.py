"""`/api/v1/`: each app's resources, the schema with its reader, and a problem body for every path that is none."""

from __future__ import annotations

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from portal.problem import UnknownPath
from portal.result_api import ResultView

# Swagger UI sets style attributes from script; only this one page, which shows nothing of ours, may do so.
docs = csp_update({"style-src": [UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(url_name="api:schema"))


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
