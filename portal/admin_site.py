"""The supervisors' site: Django admin with the approval queue first and the portal's own sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse

QUEUE_LENGTH = 50
ORDER = {"planning": 0, "dispatch": 1, "cohorts": 2, "grid": 3, "portal": 4}


class PortalAdminSite(admin.AdminSite):
    """Admin whose index lists what awaits a decision before anything else."""

    site_header = "Utility HITL Portal"
    site_title = "Utility HITL Portal"
    index_title = "Approval queue and records"
    index_template = "admin/queue_index.html"
    enable_nav_sidebar = False

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The queue, most urgent first, above the list of records."""
        from planning.queries import by_urgency, plan_cards, plans_awaiting_approval
        from portal.frame import portal_now

        at, queue = portal_now(request), None
        if request.user.has_perm("planning.view_plan"):
            queue = by_urgency(plan_cards(plans_awaiting_approval()[:QUEUE_LENGTH]), at=at)
        return super().index(request, {"queue": queue, "at": at, **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """One sign-in for the whole portal. Whoever is signed in but not staff is told so instead of asked again."""
        target = request.GET.get("next") or reverse("admin:index")
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied("The supervisors' site is for staff.")
        return redirect_to_login(target, resolve_url("sign_in"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Planning (the queue) first, then down the layers."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            # Plans, then their parts; elsewhere Django's alphabet.
            app["models"].sort(key=lambda model: model["object_name"] != "Plan")
        return sorted(apps, key=lambda app: ORDER.get(app["app_label"], 9))
