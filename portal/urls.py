"""Every entrance over HTTP: pages, the supervisors' site, the API, and what watches over the process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from portal.problem import server_error
from portal.views import health

handler500 = server_error

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(("portal.api_urls", "api"))),
    path("", include("portal.page_urls")),
]
