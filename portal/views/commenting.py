"""Comments on a plan's version, posted from the plan's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from grid.core.refusals import NotFound, Refusal
from planning.models import Comment
from planning.operations import add_comment, resolve_comment
from portal.frame import portal_now
from portal.views.approval_forms import CommentForm, TextForm
from portal.views.guard import page, person


@page("planning.view_plan", methods=("POST",))
def comment(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Say something about exactly the content that was read."""
    form = CommentForm(request.POST)
    given = form.cleaned_data if form.is_valid() else {}

    def say() -> Any:
        return add_comment(
            plan_id=plan_id,
            content_hash=given.get("content_hash", ""),
            by=person(request),
            at=portal_now(request),
            text=given.get("text", ""),
            blocker=given.get("blocker", False),
        )

    blocks = "; it blocks approval until it is resolved" if given.get("blocker") else ""
    return _done(request, plan_id, say, f"Recorded: your comment{blocks}.")


@page("planning.view_plan", methods=("POST",))
def resolve(request: HttpRequest, number: int) -> HttpResponse:
    """Settle a blocker."""
    found = Comment.objects.select_related("version").filter(pk=number).first()
    if found is None:
        raise Http404(f"There is no comment {number}.")
    form = TextForm(request.POST)
    text = form.cleaned_data["text"] if form.is_valid() else ""

    def settle() -> Any:
        return resolve_comment(comment_id=number, by=person(request), at=portal_now(request), text=text)

    return _done(request, found.version.plan_id, settle, "Recorded: the blocker is resolved.")


def _done(request: HttpRequest, plan_id: int, operation: Callable[[], Any], said: str) -> HttpResponse:
    """Back to the plan's comments, with what happened on top."""
    try:
        operation()
        messages.success(request, said)
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("plan", plan_id)
