"""App configuration: tables are named `ledger_…`."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Its triggers are put on the tables of `sources.SOURCES` after each migration, see portal/apps.py."""

    name = "portal.ledger"
    label = "ledger"
    verbose_name = "Record"
    default_auto_field = "django.db.models.BigAutoField"
