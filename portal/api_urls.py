"""`/api/v1/`: each app's resources, the schema with its reader, and a problem body for every path that is none."""

from __future__ import annotations

from importlib import import_module

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from portal.problem import UnknownPath

# Swagger UI sets style attributes from script; only this one page, which shows nothing of ours, may do so.
docs = csp_update({"style-src": [UNSAFE_INLINE], "connect-src": [SELF]})(  # type: ignore[arg-type]
    SpectacularSwaggerSplitView.as_view(url_name="api_schema")
)


def _arrived(app: str) -> bool:
    try:
        import_module(f"{app}.api.urls")
    except ImportError:
        return False
    return True


APPS = ("grid", "cohorts", "planning", "dispatch")

urlpatterns: list[URLPattern | URLResolver] = [
    *(path("", include(f"{app}.api.urls")) for app in APPS if _arrived(app)),
    path("schema", SpectacularAPIView.as_view(), name="api_schema"),
    path("docs", docs, name="api_docs"),
    re_path(r"^.*$", UnknownPath.as_view()),
]
