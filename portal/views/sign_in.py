"""Sign in and out: Django's own views in our dress; a sign-in that ends at a known time, and can be extended."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from planning.operations import password_enrols
from portal import sessions
from portal.views.guard import htmx_target, page


class SignIn(LoginView):
    """Django's, with the end of the session fixed as it begins."""

    template_name = "portal/pages/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in. Who may have to vote with a passkey and has none comes by the page that enrols one."""
        answer = super().form_valid(form)
        sessions.begin(self.request)
        if not _has_still_to_enrol(self.request.user):
            return answer
        return redirect(f"{reverse('passkeys')}?next={quote(self.get_success_url())}")


def _has_still_to_enrol(by: Any) -> bool:
    return by.has_perm("planning.approve_plan") and password_enrols(by)


class SignOut(LogoutView):
    """Django's, with a word that it is done."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out."""
        answer = super().post(request, *args, **kwargs)
        messages.success(request, "You are signed out.")
        return answer


sign_in = SignIn.as_view()
sign_out = SignOut.as_view()


@page("grid.view_snapshot", methods=("POST",))
def stay(request: HttpRequest) -> HttpResponse:
    """Stay signed in for another shift: the frame's clock to htmx, else back to where the button stood."""
    sessions.begin(request)
    if htmx_target(request) is not None:
        return render(request, "portal/frame_fragment.html")
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if safe else "overview")
