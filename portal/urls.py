"""Every entrance over HTTP: pages, the supervisors' site, the API, and what watches over the process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from portal.views import errors, health

handler400 = errors.bad_request
handler500 = errors.server_error

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(("portal.api_urls", "api"))),
    path("", include("portal.page_urls")),
]
