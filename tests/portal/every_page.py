"""Every page there is, as a path: taken from the URL patterns, so that a new page is walked without being named."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, reverse

from portal.page_urls import urlpatterns
from tests.driving import Shown

NO_PAGES: Final = {
    "frame",
    "sign_in",
    "sign_out",
    "stay",
    "preferences",
    "clock",
    "viewed",
    "challenge",
    "comment",
    "resolve",
    "freeze",
    "lift",
    "delegate",
    "end_delegation",
    "confirm_policy",
    "enrolment_challenge",
    "proof_challenge",
    "end_passkey",
    "review",
    "verify_record",
    "release_hold",
    "estimate",
    "evidence_json",
    "evidence_pdf",
    "evidence_bytes",
}
"""Routes of page_urls that answer no page of their own: fragments, files, what only takes a POST; and signing in."""

OF_A_PLAN: Final = ("plan", "approve", "reject", "edit", "abort", "event", "force", "evidence")
ADMIN: Final = {
    "admin": "/admin/",
    "admin plans": "/admin/planning/plan/",
    "admin plan": "/admin/planning/plan/{pending}/change/",
    "admin cohorts": "/admin/cohorts/cohort/",
}
READER: Final = {"api docs": "/api/v1/docs"}
MISSING: Final = {"no such page": "/nowhere/"}
STRANGERS: Final = {"sign-in": "/sign-in/", "admin sign-in": "/admin/login/"}


def pages(shown: Shown) -> dict[str, str]:
    """Paths of the portal's own pages by name: `overview`, `plan pending`, `event running` ... Raises for a route
    this module does not know how to fill in."""
    found: dict[str, str] = {}
    for route in urlpatterns:
        if route.name not in NO_PAGES:
            found |= _paths(route, shown)
    return found


def with_admin(shown: Shown) -> dict[str, str]:
    """The portal's own pages and the supervisors' site."""
    return pages(shown) | {name: path.format(pending=shown.pending) for name, path in ADMIN.items()}


def _paths(route: URLPattern, shown: Shown) -> dict[str, str]:
    name, arguments = str(route.name), set(route.pattern.converters)
    if not arguments:
        return {name: reverse(name)}
    if arguments == {"cohort_id"}:
        return {name: reverse(name, args=[shown.cohort])}
    if arguments == {"plan_id"} and name in OF_A_PLAN:
        kinds = {"pending": shown.pending, "running": shown.running, "finished": shown.finished}
        wanted = {kind: pk for kind, pk in kinds.items() if pk is not None and (name, kind) != ("event", "pending")}
        return {f"{name} {kind}": reverse(name, args=[pk]) for kind, pk in wanted.items()}
    raise AssertionError(f"tests/portal/every_page.py does not know how to open {name!r} ({route.pattern}).")
