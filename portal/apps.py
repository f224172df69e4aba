"""App configuration: the portal itself and the supervisors' admin site."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


def _apply_rights(**_signal: Any) -> None:
    from portal import fence, roles
    from portal.ledger.sources import apply_sources

    roles.apply_roles()
    fence.apply_rights()
    apply_sources()


class PortalConfig(AppConfig):
    """Knows every app; after each migration it applies roles, database rights and recording triggers."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        # The portal stands last in INSTALLED_APPS, so permissions of all apps exist when this receiver runs.
        post_migrate.connect(_apply_rights, sender=self)
        from portal import sign_ins

        sign_ins.watch()


class PortalAdminConfig(AdminConfig):
    """Django admin with our own site class (approval queue first)."""

    default_site = "portal.admin_site.PortalAdminSite"
