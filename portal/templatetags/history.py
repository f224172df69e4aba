"""A row's history, for templates that have only the row (Django's admin)."""

from __future__ import annotations

from django import template
from django.db.models import Model

from portal.history.changes import Change, changes_of, history_of

register = template.Library()


@register.simple_tag
def row_changes(row: Model) -> list[Change] | None:
    """Newest first; None: its model has no history of its own."""
    model = row._meta.concrete_model or type(row)
    return changes_of(model, row.pk) if history_of(model) else None
