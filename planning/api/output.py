"""Plans as JSON: the current content with numbers as JSON numbers, and what people did about it.

`content_text` is the exact text whose UTF-8 SHA-256 is `content_hash`; there decimals stand as strings.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from planning.api.serializers import StateField, StatusOutput, StrategyField
from planning.models import Decision, Vote
from planning.queries import PlanCard, PlanPage


class WindowOutput(serializers.Serializer[Any]):
    """A half-open span."""

    start = serializers.DateTimeField(source="window_start")
    end = serializers.DateTimeField(source="window_end")


class RunOutput(serializers.Serializer[Any]):
    """Endpoints called together; `endpoints` are inclusive number ranges, "1-1200"."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    accounts = serializers.IntegerField()
    endpoints = serializers.ListField(child=serializers.CharField())


class IntervalOutput(serializers.Serializer[Any]):
    """A quarter-hour of one cohort: shed while called, and that less earlier rebound."""

    starts_at = serializers.DateTimeField()
    shed_mw = serializers.FloatField()
    net_mw = serializers.FloatField()


class CohortPartOutput(serializers.Serializer[Any]):
    """One cohort's part of the plan."""

    slug = serializers.CharField()
    cohort_id = serializers.IntegerField()
    name = serializers.CharField()
    technology = serializers.CharField()
    accounts_called = serializers.IntegerField()
    accounts_eligible = serializers.IntegerField()
    enrolled_mw = serializers.FloatField()
    mean_mw = serializers.FloatField(help_text="net, mean over the window")
    cost_usd = serializers.FloatField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    runs = RunOutput(many=True)
    intervals = IntervalOutput(many=True)


class BandOutput(serializers.Serializer[Any]):
    """Quantiles of the fleet's net reduction in a quarter-hour; below zero: rebound."""

    starts_at = serializers.DateTimeField()
    p10_mw = serializers.FloatField()
    p50_mw = serializers.FloatField()
    p90_mw = serializers.FloatField()


class PayloadOutput(serializers.Serializer[Any]):
    """The bytes that will be sent, by their SHA-256."""

    cohort = serializers.CharField()
    event_name = serializers.CharField()
    payload_sha256 = serializers.CharField()


class NotCalledOutput(serializers.Serializer[Any]):
    """A cohort considered and left out."""

    cohort = serializers.CharField()
    reason = serializers.CharField()


class LimitOutput(serializers.Serializer[Any]):
    """A limit that holds the plan back; `cohort` null: the fleet."""

    limit = serializers.CharField()
    cohort = serializers.CharField(allow_null=True)
    sentence = serializers.CharField()


class GridSourceOutput(serializers.Serializer[Any]):
    """The grid snapshot the plan was made on."""

    snapshot_id = serializers.IntegerField(allow_null=True)
    observed_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]


class ForecastSourceOutput(serializers.Serializer[Any]):
    """The load forecast the plan was made on."""

    vintage_id = serializers.IntegerField(allow_null=True)
    issued_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]


class BasisOutput(serializers.Serializer[Any]):
    """What a plan rests on; null: not known at the proposal."""

    forecast_peak_mw = serializers.FloatField(allow_null=True)
    price_usd_per_mwh = serializers.FloatField(allow_null=True)
    reserves_mw = serializers.FloatField(allow_null=True)
    temp_f = serializers.FloatField(allow_null=True)
    accounts = serializers.IntegerField(allow_null=True)


class PlanContentOutput(serializers.Serializer[Any]):
    """Everything that is decided upon."""

    schema = serializers.IntegerField()
    plan_number = serializers.IntegerField()
    version = serializers.IntegerField()
    mode = serializers.CharField()
    strategy = StrategyField()
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField()
    proposed_at = serializers.DateTimeField(help_text="portal time")
    target_mw = serializers.FloatField()
    target_chosen = serializers.BooleanField(help_text="whether the planner found the target itself")
    planned_p50_mw = serializers.FloatField(help_text="median of the mean over the window")
    firm_p90_mw = serializers.FloatField(help_text="exceeded nine times in ten, mean over the window")
    p90_mw = serializers.FloatField(help_text="exceeded once in ten, mean over the window")
    largest_interval_p50_mw = serializers.FloatField()
    sustainable_mw = serializers.FloatField()
    shortfall_mw = serializers.FloatField()
    worst_shortfall_mw = serializers.FloatField()
    confidence = serializers.FloatField(help_text="P(mean over the window >= target), 0 to 1")
    confidence_each = serializers.FloatField(help_text="P(every interval >= 90 % of target), 0 to 1")
    cost_usd = serializers.FloatField()
    value_usd = serializers.FloatField()
    rebound_mwh = serializers.FloatField()
    rebound_peak_mw = serializers.FloatField()
    required_approvals = serializers.IntegerField()
    policy_version = serializers.IntegerField(help_text="the approval policy it is decided under")
    policy_sha256 = serializers.CharField()
    grid_state = serializers.CharField(help_text="at the proposal: normal, watch, tight or emergency")
    season_calls_left = serializers.IntegerField(allow_null=True, help_text="of the called cohort with the fewest")
    basis = BasisOutput(help_text="what the plan rests on; drift is measured against it")
    band = BandOutput(many=True)
    cohorts = CohortPartOutput(many=True)
    not_called = NotCalledOutput(many=True)
    limits = LimitOutput(many=True)
    rationale = serializers.ListField(child=serializers.CharField())
    grid = GridSourceOutput()
    forecast = ForecastSourceOutput()
    planner_build = serializers.CharField()
    renderer_version = serializers.CharField()
    solver_status = serializers.CharField()
    solver_gap = serializers.FloatField()
    payloads = PayloadOutput(many=True)


class PersonName(serializers.CharField):
    """A username; null where no person did it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)


class PlanSummaryOutput(StatusOutput):
    """One line about a plan. Members of the content are null until there is one. Reads a `PlanCard`.

    `covered`: the person who asks owes their own estimate first (`estimate_required`), so what tells the MW is null.
    """

    TELL_MW: tuple[str, ...] = ("target_mw", "planned_p50_mw", "firm_p90_mw", "confidence")

    url = serializers.SerializerMethodField()
    mode = serializers.CharField(source="plan.mode")
    origin = serializers.CharField(source="plan.origin")
    requested_by = PersonName(source="plan.requested_by.username")
    requested_at = serializers.DateTimeField(source="plan.requested_at", help_text="portal time")
    dispatch_by = serializers.DateTimeField(source="plan.dispatch_by", allow_null=True, help_text="portal time")
    strategy = serializers.CharField(source="content.strategy", allow_null=True)
    window = WindowOutput(source="content", allow_null=True)
    target_mw = serializers.FloatField(source="content.target_mw", allow_null=True)
    planned_p50_mw = serializers.FloatField(source="content.planned_p50_mw", allow_null=True)
    firm_p90_mw = serializers.FloatField(source="content.firm_p90_mw", allow_null=True)
    confidence = serializers.FloatField(source="content.confidence", allow_null=True)

    covered = serializers.SerializerMethodField(help_text="MW are null until one's own estimate is given")

    def get_covered(self, card: PlanCard) -> bool:
        """By what the view found of the person."""
        return card.version is not None and card.version.pk in self.context.get("covered", ())

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Without the MW where they are covered."""
        found = super().to_representation(instance)
        return found | dict.fromkeys(self.TELL_MW) if found["covered"] else found

    def get_url(self, card: PlanCard) -> str:
        """Where the whole plan is."""
        return reverse("api:plan", args=[card.plan.pk], request=self.context.get("request"))


class VoteOutput(serializers.Serializer[Any]):
    """One person's word on one content."""

    version = serializers.IntegerField(source="version.number")
    content_hash = serializers.CharField()
    voter = serializers.CharField(source="voter.username")
    decision = serializers.ChoiceField(choices=Decision.choices)
    reason = serializers.CharField()
    at = serializers.DateTimeField(help_text="portal time")
    step_up = serializers.SerializerMethodField(help_text="what proved the person: none, password or passkey")
    on_behalf_of = PersonName(source="on_behalf_of.username", help_text="who lent the right to vote; null: nobody")

    def get_step_up(self, vote: Vote) -> str:
        """In small letters, as the policy spells it."""
        return vote.step_up.lower()


class RequestOutput(serializers.Serializer[Any]):
    """What was asked; `by` null: the watch agent."""

    number = serializers.IntegerField()
    by = PersonName(source="by.username")
    at = serializers.DateTimeField(help_text="portal time")
    strategy = serializers.CharField()
    cohorts = serializers.ListField(source="cohort_ids", child=serializers.IntegerField(), help_text="empty: any")
    window_start = serializers.DateTimeField(allow_null=True)
    window_end = serializers.DateTimeField(allow_null=True)
    target_mw = serializers.FloatField(allow_null=True)
    based_on_hash = serializers.CharField()
    reason = serializers.CharField()


class TransitionOutput(serializers.Serializer[Any]):
    """The plan changed its state; `by` null: `actor` did it."""

    from_status = serializers.CharField(help_text="empty at the beginning")
    to_status = StateField()
    by = PersonName(source="by.username")
    actor = serializers.CharField()
    reason = serializers.CharField()
    at = serializers.DateTimeField(help_text="portal time")


class VersionOutput(serializers.Serializer[Any]):
    """One version, by its hash."""

    number = serializers.IntegerField()
    content_hash = serializers.CharField()
    proposed_at = serializers.DateTimeField(help_text="portal time")


class PlanOutput(PlanSummaryOutput):
    """One plan in full."""

    TELL_MW = (*PlanSummaryOutput.TELL_MW, "content", "content_text")

    content = PlanContentOutput(allow_null=True)
    content_text = serializers.CharField(source="version.content", allow_null=True)
    votes = VoteOutput(many=True, source="cast")
    requests = RequestOutput(many=True)
    transitions = TransitionOutput(many=True)
    versions = VersionOutput(many=True)

    def to_representation(self, instance: PlanPage) -> dict[str, Any]:
        """The card's members and the page's."""
        found = super().to_representation(_Whole(instance))
        for request in found["requests"] if found["covered"] else ():
            request["target_mw"] = None
        return found


class _Whole:
    """A `PlanPage` and its card as one object to read attributes from."""

    def __init__(self, page: PlanPage) -> None:
        card = page.card
        self.plan, self.content, self.version, self.votes = card.plan, card.content, card.version, card.votes
        self.cast, self.requests, self.transitions, self.versions = (
            page.votes,
            page.requests,
            page.transitions,
            page.versions,
        )
