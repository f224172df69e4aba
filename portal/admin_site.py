"""The supervisors' site: Django admin with the approval queue first and the portal's own sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class PortalAdminSite(admin.AdminSite):
    """Admin whose index lists what awaits a decision before anything else."""

    site_header = "Utility HITL Portal"
    site_title = "Utility HITL Portal"
    index_title = "Approval queue and records"
    enable_nav_sidebar = False

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Planning (the queue) first, then down the layers."""
        order = {"planning": 0, "dispatch": 1, "cohorts": 2, "grid": 3}
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: order.get(app["app_label"], 9))
