"""App configuration: tables are named `history_…`."""

from __future__ import annotations

from django.apps import AppConfig


class HistoryConfig(AppConfig):
    """Its triggers stand on the domain apps' tables; those apps know nothing of them."""

    name = "portal.history"
    label = "history"
    verbose_name = "History"
    default_auto_field = "django.db.models.BigAutoField"
