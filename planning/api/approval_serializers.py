"""Bodies about who decides how: challenges, estimates, comments, freezes, delegations, policies, what was forced."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from planning.api.fields import CredentialField, InstantField, MegawattField, StrictSerializer, TextField
from planning.api.output import PersonName
from planning.api.serializers import MAX_REASON, ContentHashInput
from planning.models import BreakGlass, BreakGlassReview, Passkey


@extend_schema_field(OpenApiTypes.OBJECT)
class OptionsField(serializers.JSONField):
    """What `navigator.credentials` is asked (`PublicKeyCredential.parseRequestOptionsFromJSON`)."""


class ChallengeInput(ContentHashInput):
    """A decision about to be signed."""

    decision = serializers.ChoiceField(choices=["APPROVE", "BREAK_GLASS"])


class ChallengeOutput(serializers.Serializer[Any]):
    """Good once, for five minutes."""

    public_key = OptionsField()


class ProofInput(StrictSerializer):
    """Who asks to enrol: the password for a first key, else what an enrolled one signed."""

    password = TextField(
        required=False, allow_null=True, max_length=1000, trim_whitespace=False, write_only=True, help_text="first key"
    )
    assertion = CredentialField(required=False, allow_null=True, help_text="the answer to passkeys/proof")


class EnrolInput(StrictSerializer):
    """A finished enrolment."""

    credential = CredentialField()
    label = TextField(required=False, allow_blank=True, max_length=60)  # type: ignore[assignment]


class PasskeyOutput(serializers.Serializer[Any]):
    """One key that is still believed."""

    id = serializers.IntegerField(source="pk")
    label = serializers.CharField()  # type: ignore[assignment]
    enrolled_at = serializers.DateTimeField(source="wall_at")
    proven_by = serializers.SerializerMethodField(help_text="what it was enrolled against: password or passkey")

    def get_proven_by(self, key: Passkey) -> str | None:
        """Null: enrolled before proofs were asked for."""
        return key.challenge.proof.lower() if key.challenge else None


class EstimateInput(ContentHashInput):
    """One's own number before the plan's."""

    mw = MegawattField()


class EstimateOutput(serializers.Serializer[Any]):
    """As given."""

    mw = serializers.FloatField()
    at = serializers.DateTimeField(help_text="portal time")


class BreakGlassInput(ContentHashInput):
    """Force this content."""

    reason_code = serializers.ChoiceField(choices=BreakGlass.ReasonCode.choices)
    incident = TextField(max_length=60, allow_blank=True)
    reason = TextField(max_length=MAX_REASON, allow_blank=True)
    assertion = CredentialField(required=False, allow_null=True)


class ReviewInput(StrictSerializer):
    """What somebody else thinks of it."""

    finding = serializers.ChoiceField(choices=BreakGlassReview.Finding.choices)
    text = TextField(max_length=MAX_REASON, allow_blank=True)


class ReviewOutput(serializers.Serializer[Any]):
    """One review."""

    by = serializers.CharField(source="by.username")
    finding = serializers.CharField()
    text = serializers.CharField()
    reviewed_at = serializers.DateTimeField(source="wall_at")


class BreakGlassOutput(serializers.Serializer[Any]):
    """One forced content; `review` null: nobody has looked yet."""

    id = serializers.IntegerField(source="pk")
    plan = serializers.IntegerField(source="version.plan_id")
    version = serializers.IntegerField(source="version.number")
    content_hash = serializers.CharField()
    by = serializers.CharField(source="by.username")
    reason_code = serializers.CharField()
    incident = serializers.CharField()
    reason = serializers.CharField()
    forced = serializers.ListField(child=serializers.CharField())
    at = serializers.DateTimeField(help_text="portal time")
    review_due_at = serializers.DateTimeField()
    review = serializers.SerializerMethodField()

    @extend_schema_field(ReviewOutput(allow_null=True))
    def get_review(self, row: BreakGlass) -> Any:
        """The review, if there is one."""
        found = getattr(row, "review", None)
        return ReviewOutput(found).data if found else None


class CommentInput(ContentHashInput):
    """Words about this content."""

    text = TextField(max_length=MAX_REASON, allow_blank=True)
    about = TextField(required=False, max_length=40, allow_blank=True)
    blocker = serializers.BooleanField(default=False)


class WordsInput(StrictSerializer):
    """Why, or what settled it."""

    text = TextField(max_length=MAX_REASON, allow_blank=True)


class CommentOutput(serializers.Serializer[Any]):
    """One comment; an open blocker holds up every approval."""

    id = serializers.IntegerField(source="pk")
    version = serializers.IntegerField(source="version.number")
    by = serializers.CharField(source="by.username")
    text = serializers.CharField()
    about = serializers.CharField()
    blocker = serializers.BooleanField()
    resolved = serializers.SerializerMethodField()
    at = serializers.DateTimeField(help_text="portal time")

    def get_resolved(self, row: Any) -> bool:
        """Whether it was settled."""
        return getattr(row, "resolution", None) is not None


class FreezeInput(StrictSerializer):
    """Stop approvals and sending: from now (or `starts_at`) until lifted (or `ends_at`)."""

    reason = TextField(max_length=MAX_REASON, allow_blank=True)
    starts_at = InstantField(required=False, allow_null=True)
    ends_at = InstantField(required=False, allow_null=True)


class FreezeOutput(serializers.Serializer[Any]):
    """One freeze; `lifted_by` null: still on, if its time has come."""

    id = serializers.IntegerField(source="pk")
    by = serializers.CharField(source="by.username")
    reason = serializers.CharField()
    starts_at = serializers.DateTimeField(help_text="portal time")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="portal time; null: until lifted")
    lifted_by = PersonName(source="lift.by.username")


class PasswordInput(StrictSerializer):
    """The person's own password, beside the token."""

    password = TextField(required=False, allow_null=True, max_length=1000, trim_whitespace=False, write_only=True)


class DelegationInput(PasswordInput):
    """Lend the right to vote."""

    delegate = TextField(max_length=150, help_text="username")
    starts_at = InstantField()
    ends_at = InstantField()
    max_mw = MegawattField()
    reason = TextField(max_length=MAX_REASON, allow_blank=True)


class DelegationOutput(serializers.Serializer[Any]):
    """One loan of the right to vote; portal time."""

    id = serializers.IntegerField(source="pk")
    delegator = serializers.CharField(source="delegator.username")
    delegate = serializers.CharField(source="delegate.username")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    max_mw = serializers.FloatField()
    reason = serializers.CharField()
    ended = serializers.SerializerMethodField()

    def get_ended(self, row: Any) -> bool:
        """Whether it was taken back."""
        return getattr(row, "end", None) is not None


class PolicyInput(PasswordInput):
    """A new policy, whole; docs/approval.md has its words."""

    rules = OptionsField()
    reason = TextField(max_length=MAX_REASON, allow_blank=True)


class PolicyOutput(serializers.Serializer[Any]):
    """One version of the policy."""

    number = serializers.IntegerField()
    rules = OptionsField(source="parsed")
    rules_sha256 = serializers.CharField()
    proposed_by = PersonName(source="proposed_by.username")
    confirmed_by = PersonName(source="confirmation.by.username")
    reason = serializers.CharField()
    in_force = serializers.BooleanField()


class MovedOutput(serializers.Serializer[Any]):
    """One number, at the proposal and now."""

    name = serializers.CharField()
    unit = serializers.CharField()
    then = serializers.FloatField(allow_null=True)
    now = serializers.FloatField(allow_null=True)
    change = serializers.FloatField(allow_null=True)
    change_unit = serializers.CharField()
    level = serializers.CharField()


class CalledElsewhereOutput(serializers.Serializer[Any]):
    """A cohort of the plan that another plan, decided meanwhile, calls then or within its rest."""

    cohort = serializers.CharField()
    plan_id = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class DriftOutput(serializers.Serializer[Any]):
    """What has moved since the proposal; red closes approval and sending."""

    level = serializers.CharField()
    items = MovedOutput(many=True)
    called_elsewhere = CalledElsewhereOutput(many=True)
