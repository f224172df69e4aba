"""Plans and the decisions about them. Versions, requests, votes, transitions and refusals are append-only.

The guards named in the constraints and in `migrations/0003_fence.py` hold whoever writes the SQL.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from planning.core.lifecycle import Status

STATUS_CHOICES = [(s.value, s.value) for s in Status]


class Strategy(models.TextChoices):
    """What the planner weighs most."""

    BALANCED = "balanced", "Balanced"
    COST_MINIMIZE = "cost_minimize", "Lowest cost"
    RELIABILITY = "reliability", "Reliability"
    EMERGENCY = "emergency", "Emergency"


class Origin(models.TextChoices):
    """Who asked."""

    OPERATOR = "OPERATOR", "operator"
    AGENT = "AGENT", "watch agent"


class Stage(models.TextChoices):
    """Where the worker is with the latest request while a plan is PLANNING."""

    QUEUED = "QUEUED", "queued"
    SOLVING = "SOLVING", "solving"
    COMPARING = "COMPARING", "comparing"


class Plan(models.Model):
    """One proposal on its way to a decision. What is decided upon is `current_version`, never this row."""

    status = models.CharField(max_length=20, choices=STATUS_CHOICES, default=Status.PLANNING)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(help_text="portal time")
    mode = models.CharField(max_length=6, help_text="LIVE, REPLAY or DRILL when it was asked for")
    run = models.PositiveIntegerField(default=0, help_text="the clock's scenario run it belongs to; 0 when live")
    current_version = models.OneToOneField(
        "planning.PlanVersion", null=True, on_delete=models.PROTECT, related_name="current_of"
    )
    approve_by = models.DateTimeField(null=True, help_text="portal time; no vote counts from then on")
    dispatch_by = models.DateTimeField(null=True, help_text="portal time; nothing is sent from then on")
    failure = models.TextField(blank=True, help_text="why the planner could not answer the latest request")
    stage = models.CharField(
        max_length=9, choices=Stage.choices, default=Stage.QUEUED, help_text="only told while PLANNING"
    )
    wall_created_at = models.DateTimeField(auto_now_add=True)
    wall_updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        permissions = [
            ("propose_plan", "Can ask the planner for a plan"),
            ("edit_plan", "Can ask for another version of a plan"),
            ("approve_plan", "Can vote for a plan"),
            ("approve_large_plan", "Can vote for a plan of 20 MW or more"),
            ("reject_plan", "Can reject a plan"),
            ("abort_plan", "Can abort a plan"),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="plan_by_status")]
        constraints = [
            models.CheckConstraint(
                condition=Q(origin="OPERATOR", requested_by__isnull=False)
                | Q(origin="AGENT", requested_by__isnull=True),
                name="plan_operator_origin_names_the_person",
            ),
            models.CheckConstraint(
                condition=Q(approve_by=None) | Q(dispatch_by=None) | Q(approve_by__lte=F("dispatch_by")),
                name="plan_approve_by_not_after_dispatch_by",
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.pk}"


class PlanRequest(models.Model):
    """Somebody asked for a plan (number 1) or for a changed version (2, 3, …). Append-only.

    Whoever stands in `by` here, for any number, can never vote on the plan.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="requests")
    number = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)
    strategy = models.CharField(max_length=16, choices=Strategy.choices)
    cohort_ids = models.JSONField(default=list, help_text="empty: the planner chooses")
    window_start = models.DateTimeField(null=True)
    window_end = models.DateTimeField(null=True)
    target_mw = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    based_on_hash = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=128, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_request_number_once"),
            models.UniqueConstraint(
                fields=["by", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="plan_request_idempotency_key_once_per_person",
            ),
            models.CheckConstraint(
                condition=Q(window_start=None, window_end=None) | Q(window_start__lt=F("window_end")),
                name="plan_request_window_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(target_mw=None) | Q(target_mw__gt=0), name="plan_request_target_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"request {self.number} of plan {self.plan_id}"


class PlanVersion(models.Model):
    """The immutable content people decide upon, and its SHA-256 (checked by PostgreSQL). Append-only."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    request = models.OneToOneField(PlanRequest, on_delete=models.PROTECT, related_name="version")
    content = models.TextField(help_text="canonical JSON, see planning/core/content.py")
    content_hash = models.CharField(max_length=64)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    proposed_at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_number_once"),
            models.UniqueConstraint(fields=["plan", "content_hash"], name="plan_version_content_once"),
            models.CheckConstraint(condition=Q(window_start__lt=F("window_end")), name="plan_version_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of plan {self.plan_id}"


class PlanAlternative(models.Model):
    """What else could be done in the version's window, solved with it; nobody votes on it. Append-only.

    The columns are `planning.core.alternatives.Alternative`'s.
    """

    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="alternatives")
    option = models.CharField(max_length=16, help_text="do_nothing, or the strategy")
    target_mw = models.FloatField()
    planned_p50_mw = models.FloatField()
    firm_p90_mw = models.FloatField()
    shortfall_mw = models.FloatField()
    confidence = models.FloatField()
    endpoints = models.PositiveIntegerField()
    cost_usd = models.FloatField()
    value_usd = models.FloatField()
    rebound_mwh = models.FloatField()
    rebound_peak_mw = models.FloatField()
    exposed_usd = models.FloatField(null=True)
    exposed_mwh = models.FloatField(null=True)
    highest_usd_per_mwh = models.FloatField(null=True)
    highest_at = models.DateTimeField(null=True)
    why_not = models.TextField(blank=True)

    class Meta:
        db_table = "planning_alternative"
        constraints = [
            models.UniqueConstraint(fields=["version", "option"], name="plan_alternative_option_once"),
        ]

    def __str__(self) -> str:
        return f"{self.option} instead of {self.version}"


class PlannedEvent(models.Model):
    """The bytes of one OpenADR event of a version: what is approved is what is sent. Append-only."""

    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="events")
    cohort = models.ForeignKey("cohorts.Cohort", on_delete=models.PROTECT, related_name="+")
    event_name = models.CharField(max_length=128, unique=True)
    payload = models.BinaryField()
    payload_sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    mean_mw = models.DecimalField(max_digits=9, decimal_places=3, help_text="P50, mean over starts_at to ends_at")
    endpoints = models.PositiveIntegerField(help_text="distinct endpoints called")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "cohort"], name="planned_event_one_per_cohort"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="planned_event_ends_after_start"),
        ]

    def __str__(self) -> str:
        return self.event_name


class Decision(models.TextChoices):
    """What a person may say of a version."""

    APPROVE = "APPROVE", "approve"
    REJECT = "REJECT", "reject"


class StepUpStrength(models.TextChoices):
    """How the person was made sure of at the vote itself."""

    NONE = "NONE", "signed in"
    PASSWORD = "PASSWORD", "password"
    PASSKEY = "PASSKEY", "passkey"


class Vote(models.Model):
    """One person's word on exactly one content. Append-only; inserted by the web role alone.

    `on_behalf_of`: whose right was used, where it was lent (see Delegation).
    """

    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="votes")
    content_hash = models.CharField(max_length=64)
    voter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Decision.choices)
    reason = models.TextField(blank=True)
    step_up = models.CharField(max_length=8, choices=StepUpStrength.choices, default=StepUpStrength.NONE)
    on_behalf_of = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    drift = models.JSONField(null=True, help_text="what had moved since the proposal when the vote was given")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "on_behalf_of"], name="vote_once_on_behalf_of_a_person_and_version"
            ),
            models.CheckConstraint(condition=~Q(voter=F("on_behalf_of")), name="vote_on_behalf_of_somebody_else"),
            models.UniqueConstraint(fields=["version", "voter"], name="vote_once_per_person_and_version"),
            models.CheckConstraint(condition=Q(decision="APPROVE") | ~Q(reason=""), name="vote_reject_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.voter} {self.decision} {self.version}"


class Transition(models.Model):
    """A plan changed its state. Append-only."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="transitions")
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20, choices=STATUS_CHOICES)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=20, help_text="person, planner, watch agent, clock or dispatch")
    reason = models.TextField(blank=True)
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.plan}: {self.from_status} to {self.to_status}"


class PlanRefusal(models.Model):
    """Somebody tried what they may not. Append-only, written after the rollback in a transaction of its own."""

    plan = models.ForeignKey(
        Plan, null=True, on_delete=models.PROTECT, related_name="refusals", help_text="null: it was about no one plan"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    attempted = models.CharField(max_length=20)
    why = models.TextField()
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.attempted} of {self.plan} refused: {self.why}"
