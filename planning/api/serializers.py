"""Bodies of requests about plans. Shapes and types only; what may be asked is decided by the operations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from planning.api.fields import (
    CohortIdsField,
    CredentialField,
    InstantField,
    MegawattField,
    StrictSerializer,
    TextField,
)
from planning.core.lifecycle import Status
from planning.models import Strategy
from planning.operations import Change, Wish
from planning.queries import PlanCard

MAX_REASON = 2000
MAX_HASH = 200  # longer than any hash: what is no hash at all is stale like any other


@extend_schema_field({"type": "string", "enum": Strategy.values})
class StrategyField(TextField):
    """A code of `Strategy`; the operation says which exist."""


class WindowInput(StrictSerializer):
    """A span on quarter-hours, half-open."""

    start = InstantField()
    end = InstantField()


class ProposeInput(StrictSerializer):
    """What the planner is asked for. Members left out (or null) are found from the forecast."""

    cohorts = CohortIdsField(required=False, allow_null=True)
    strategy = StrategyField(max_length=40)
    window = WindowInput(required=False, allow_null=True)
    target_mw = MegawattField(required=False, allow_null=True)

    def wish(self) -> Wish:
        """The operation's word for it."""
        return Wish(**_wish_fields(self.validated_data))


class ContentHashInput(StrictSerializer):
    """Names the content that was read."""

    content_hash = TextField(max_length=MAX_HASH, help_text="of the version that was read; another one: 409")


class ApproveInput(ContentHashInput):
    """A vote for exactly this content."""

    reason = TextField(required=False, allow_blank=True, allow_null=True, max_length=MAX_REASON)
    password = TextField(
        required=False, allow_null=True, max_length=1000, trim_whitespace=False, write_only=True, help_text="step-up"
    )
    assertion = CredentialField(required=False, allow_null=True, help_text="the answer to plans/{id}/challenge")
    on_behalf_of = TextField(
        required=False, allow_null=True, max_length=150, help_text="username of who lent their right to vote"
    )


class RejectInput(ContentHashInput):
    """A veto; it says why."""

    reason = TextField(allow_blank=True, max_length=MAX_REASON)


class EditInput(ContentHashInput):
    """What is to differ. Members left out stay as they were; null: the planner finds it from the forecast."""

    reason = TextField(allow_blank=True, max_length=MAX_REASON)
    cohorts = CohortIdsField(required=False, allow_null=True)
    window = WindowInput(required=False, allow_null=True)
    target_mw = MegawattField(required=False, allow_null=True)
    strategy = StrategyField(required=False, max_length=40)

    def change(self) -> Change:
        """The operation's word for it."""
        return Change(fields=_wish_fields(self.validated_data))


class AbortInput(StrictSerializer):
    """One person's stop."""

    reason = TextField(required=False, allow_blank=True, allow_null=True, max_length=MAX_REASON)


# A pattern, since another resource's `status` has other codes and the schema would have to invent names for the sets.
@extend_schema_field({"type": "string", "pattern": f"^({'|'.join(Status)})$"})
class StateField(serializers.CharField):
    """A state of a plan."""


def _wish_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Fields of a Wish for the members that were given."""
    found: dict[str, Any] = {name: given[name] for name in ("strategy", "target_mw") if name in given}
    if "cohorts" in given:
        found["cohort_ids"] = given["cohorts"] or ()
    if "window" in given:
        window = given["window"] or {"start": None, "end": None}
        found["window_start"], found["window_end"] = window["start"], window["end"]
    return found


class AcceptedOutput(serializers.Serializer[Any]):
    """The planner was asked; `url` tells how it goes."""

    id = serializers.IntegerField()
    status = StateField()
    url = serializers.URLField()


class StatusOutput(serializers.Serializer[Any]):
    """Where a plan stands. Reads a `PlanCard`."""

    id = serializers.IntegerField(source="plan.pk")
    status = StateField(source="plan.status")
    version = serializers.IntegerField(source="version.number", allow_null=True)
    content_hash = serializers.CharField(source="version.content_hash", allow_null=True)
    required_approvals = serializers.IntegerField(source="votes.required", help_text="people who must vote for it")
    approvals = serializers.IntegerField(source="votes.approvals", help_text="entitled votes so far")
    approve_by = serializers.DateTimeField(source="plan.approve_by", allow_null=True, help_text="portal time")
    supervisors_required = serializers.IntegerField(source="votes.needs.supervisors", help_text="of them supervisors")
    step_up = serializers.CharField(source="votes.needs.step_up.name", help_text="NONE, PASSWORD or PASSKEY")
    reason_required = serializers.BooleanField(source="votes.needs.reason")
    estimate_required = serializers.BooleanField(source="votes.needs.estimate", help_text="one's own estimate first")
    policy_rules = serializers.ListField(
        source="votes.rules", child=serializers.CharField(), help_text="the rules of the approval policy that match"
    )
    failure = serializers.CharField(source="plan.failure", help_text="why the planner could not answer; else empty")


class ApprovalOutput(serializers.Serializer[Any]):
    """One content that waits for a vote. Reads a `PlanCard`."""

    plan_id = serializers.IntegerField(source="plan.pk")
    content_hash = serializers.CharField(source="version.content_hash")
    change = serializers.ChoiceField(choices=["create", "update", "delete"], default="create")
    version = serializers.IntegerField(source="version.number")
    approvals = serializers.IntegerField(source="votes.approvals")
    required_approvals = serializers.IntegerField(source="votes.required")
    approve_by = serializers.DateTimeField(source="plan.approve_by", help_text="portal time")
    event_ids = serializers.SerializerMethodField()

    def get_event_ids(self, card: PlanCard) -> list[str]:
        """The events that would be sent."""
        return [payload.event_name for payload in card.content.payloads] if card.content else []
