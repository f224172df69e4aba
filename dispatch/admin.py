"""Signals and results for reading only: nobody sends, changes or deletes one by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from dispatch.models import Claim, EventResult, Receipt, Signal, Ven


class ReadOnlyAdmin(admin.ModelAdmin):
    """Look, don't touch. PostgreSQL would refuse too: the web role has no right to write these tables."""

    actions = None

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever may see signals."""
        return request.user.has_perm("dispatch.view_signal")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever may see signals."""
        return request.user.has_perm("dispatch.view_signal")


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """One line per event sent, and per cancellation."""

    list_display = ("id", "plan", "kind", "ven", "starts_at", "ends_at", "mw", "status", "sent_at")
    list_filter = ("status", "kind", "ven")
    list_select_related = ("claim__plan", "ven")
    ordering = ("-pk",)
    exclude = ("payload",)
    readonly_fields = ("payload_text",)

    @admin.display(description="plan", ordering="claim__plan_id")
    def plan(self, signal: Signal) -> str:
        """The plan it belongs to."""
        return str(signal.claim.plan)

    @admin.display(description="payload")
    def payload_text(self, signal: Signal) -> str:
        """The bytes as they were sent."""
        return bytes(signal.payload).decode()


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    """Which version dispatch took, and when."""

    list_display = ("id", "plan", "version", "at")
    list_select_related = ("plan", "version__plan")
    ordering = ("-pk",)


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    """When a receiver took a signal."""

    list_display = ("id", "signal", "at")
    list_select_related = ("signal",)
    ordering = ("-pk",)


@admin.register(EventResult)
class EventResultAdmin(ReadOnlyAdmin):
    """What events delivered (simulated telemetry)."""

    list_display = ("id", "claim", "delivered_mwh", "rebound_mwh", "cost_usd", "value_usd", "endpoints", "opt_outs")
    list_select_related = ("claim__version__plan",)
    ordering = ("-pk",)


@admin.register(Ven)
class VenAdmin(ReadOnlyAdmin):
    """Who receives signals."""

    list_display = ("id", "name", "cohort", "simulated")
    list_select_related = ("cohort",)
    ordering = ("name",)
