"""JSON of signals, as interface.md has it."""

from __future__ import annotations

from rest_framework import serializers

from dispatch.models import Signal


class SignalQuery(serializers.Serializer):
    """Which signals."""

    plan = serializers.IntegerField(required=False, min_value=1, help_text="only those of this plan")


class SignalOutput(serializers.ModelSerializer):
    """One OpenADR event or its cancellation; `event_id` is its name in the approved bytes."""

    plan = serializers.IntegerField(source="claim.plan_id")
    cohort = serializers.IntegerField(source="planned_event.cohort_id")
    event_id = serializers.CharField(source="planned_event.event_name")
    mw = serializers.FloatField(help_text="approved P50, mean over the event; 0 for a cancellation")

    class Meta:
        model = Signal
        fields = (
            "id",
            "plan",
            "cohort",
            "event_id",
            "kind",
            "starts_at",
            "ends_at",
            "mw",
            "status",
            "sent_at",
            "content_hash",
            "payload_sha256",
        )
