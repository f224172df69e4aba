"""How this browser shows the portal: plain cookies, set by plain forms, read by the frame. Nothing of it is stored."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.preferences import PREFERENCES

KEPT_S: Final = 365 * 24 * 3600


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen and go back to where the control stood; unknown names and values change nothing."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    answer = redirect(wanted if safe else "overview")
    for name, choices in PREFERENCES.items():
        if (value := request.POST.get(name, "")) in choices:
            answer.set_cookie(
                name, value, max_age=KEPT_S, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
            )
    return answer
