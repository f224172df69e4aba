"""Signals and what came of them. `Claim` and `Signal` are inserted by the dispatch role alone.

PostgreSQL refuses a signal whose bytes were not approved: see `migrations/0003_fence.py`.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Ven(models.Model):
    """A receiver of signals. One that is not simulated receives nothing in REPLAY or DRILL (the fence checks it)."""

    name = models.CharField(max_length=128, unique=True)
    cohort = models.OneToOneField("cohorts.Cohort", on_delete=models.PROTECT, related_name="ven")
    simulated = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Claim(models.Model):
    """Dispatch took an authorised version: once, for ever. Its signals are written in the same transaction."""

    plan = models.OneToOneField("planning.Plan", on_delete=models.PROTECT, related_name="claim")
    version = models.OneToOneField("planning.PlanVersion", on_delete=models.PROTECT, related_name="claim")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"claim of {self.version}"


class Signal(models.Model):
    """One OpenADR event to one VEN: the approved bytes, unchanged; or the cancellation of one."""

    class Kind(models.TextChoices):
        EVENT = "EVENT", "event"
        CANCEL = "CANCEL", "cancel"

    class Status(models.TextChoices):
        QUEUED = "QUEUED", "queued"
        SENT = "SENT", "sent"
        RECEIVED = "RECEIVED", "received"
        CANCELLED = "CANCELLED", "cancelled"

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="signals")
    version = models.ForeignKey("planning.PlanVersion", on_delete=models.PROTECT, related_name="signals")
    planned_event = models.ForeignKey("planning.PlannedEvent", on_delete=models.PROTECT, related_name="signals")
    ven = models.ForeignKey(Ven, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.EVENT)
    content_hash = models.CharField(max_length=64)
    payload = models.BinaryField()
    payload_sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    mw = models.DecimalField(max_digits=9, decimal_places=3)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    run = models.PositiveIntegerField(
        default=0, help_text="the plan's; no two events of one run may overlap for one VEN"
    )
    queued_at = models.DateTimeField(help_text="portal time")
    sent_at = models.DateTimeField(null=True, help_text="portal time")
    wall_queued_at = models.DateTimeField(auto_now_add=True)
    wall_sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["planned_event", "kind"], name="signal_once_per_planned_event"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="signal_ends_after_start"),
            models.CheckConstraint(
                condition=Q(status="QUEUED", sent_at=None)
                | Q(status="CANCELLED")
                | Q(status__in=["SENT", "RECEIVED"], sent_at__isnull=False),
                name="signal_sent_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.planned_event_id}"


class Receipt(models.Model):
    """A VEN took a signal: once. Written by the worker for simulated VENs."""

    signal = models.OneToOneField(Signal, on_delete=models.PROTECT, related_name="receipt")
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"receipt of {self.signal}"


class EndpointOutcome(models.Model):
    """What one endpoint did in one event (simulated telemetry)."""

    class Outcome(models.TextChoices):
        PARTICIPATED = "PARTICIPATED", "participated"
        OPTED_OUT = "OPTED_OUT", "opted out"
        OFFLINE = "OFFLINE", "offline"

    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="outcomes")
    endpoint = models.ForeignKey("cohorts.Endpoint", on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    opted_out_at = models.DateTimeField(null=True, help_text="portal time")
    curtailed_kwh = models.FloatField(help_text="over the event")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "endpoint"], name="outcome_once_per_endpoint")]

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.outcome}"


class CohortTelemetry(models.Model):
    """Five-minute total of one cohort: positive = less load than without the event, negative = rebound."""

    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="telemetry")
    starts_at = models.DateTimeField(help_text="portal time; five minutes from then")
    curtailed_mw = models.FloatField()
    responding = models.PositiveIntegerField(help_text="endpoints curtailing in these five minutes")
    opt_outs = models.PositiveIntegerField(help_text="endpoints that had opted out by the end of these five minutes")
    offline = models.PositiveIntegerField(help_text="endpoints called by then that did not answer")
    source = models.CharField(max_length=40, default="simulated telemetry")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "starts_at"], name="telemetry_once_per_step")]

    def __str__(self) -> str:
        return f"{self.curtailed_mw} MW at {self.starts_at}"


class EventResult(models.Model):
    """What an event delivered, measured once its window has ended; the rebound is added as it happens."""

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="result")
    planned_mw = ArrayField(models.FloatField(), help_text="15-minute means over the window")
    delivered_mw = ArrayField(models.FloatField(), help_text="15-minute means over the window")
    delivered_mwh = models.FloatField()
    rebound_mwh = models.FloatField(help_text="above baseline in the 6 h after, so far as they have passed")
    rebound_until = models.DateTimeField(help_text="portal time up to which the rebound is counted")
    cost_usd = models.FloatField(help_text="incentives paid")
    value_usd = models.FloatField(null=True, help_text="null: a price of the window is not known")
    endpoints = models.PositiveIntegerField()
    opt_outs = models.PositiveIntegerField()
    offline = models.PositiveIntegerField()
    source = models.CharField(max_length=40, default="simulated telemetry")
    measured_at = models.DateTimeField(help_text="portal time")

    def __str__(self) -> str:
        return f"result of {self.claim}"
