"""Words about a version. A blocker holds up every approval until it is settled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from planning.models import Comment, CommentResolution
from planning.operations.opening import current, in_words, need, refusals_on_record, undecided


class NothingSaid(Invalid):
    """A comment has words."""

    field = "text"

    def __str__(self) -> str:
        return "Write what you want to say."


class CommentUnknown(NotFound):
    """There is no comment of this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __str__(self) -> str:
        return f"There is no comment {self.number}."


class ResolutionRefused(NotAllowed):
    """Whoever asked for the plan does not settle what others hold against it."""

    def __str__(self) -> str:
        return "Who raised it resolves it, or a supervisor who did not ask for the plan."


class AlreadyResolved(Conflict):
    """Once is enough."""

    def __str__(self) -> str:
        return "It was resolved already."


def add_comment(
    *, plan_id: int, content_hash: str, by: Any, at: datetime, text: str, about: str = "", blocker: bool = False
) -> Comment:
    """On exactly the content that was read. Raises as `approve_plan` does, and NothingSaid."""
    with refusals_on_record(plan_id=plan_id, by=by, attempted="comment", at=at), transaction.atomic():
        plan = undecided(plan_id=plan_id, content_hash=content_hash, by=by, at=at, permission="planning.reject_plan")
        if not in_words(text):
            raise NothingSaid
        return Comment.objects.create(
            version=current(plan), by=by, at=at, text=in_words(text), about=about, blocker=blocker
        )


def resolve_comment(*, comment_id: int, by: Any, at: datetime, text: str) -> CommentResolution:
    """Raises PermissionNeeded, CommentUnknown, ResolutionRefused, AlreadyResolved, NothingSaid."""
    comment = Comment.objects.select_related("version").filter(pk=comment_id).first()
    if comment is None:
        raise CommentUnknown(comment_id)
    with refusals_on_record(plan_id=comment.version.plan_id, by=by, attempted="resolve", at=at), transaction.atomic():
        need(by, "planning.reject_plan")
        if not in_words(text):
            raise NothingSaid
        if CommentResolution.objects.filter(comment=comment).exists():
            raise AlreadyResolved
        try:
            with transaction.atomic():
                return CommentResolution.objects.create(comment=comment, by=by, at=at, text=in_words(text))
        except IntegrityError as error:
            raise ResolutionRefused from error
