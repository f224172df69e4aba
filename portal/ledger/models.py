"""Events of the record, the links that seal them, checkpoints, verifications, exports and cuts.

Only triggers write events and links, see migrations/0002; all tables are append-only.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Event(models.Model):
    """One decision row as it was written: the text that is sealed. Append-only."""

    stream = models.CharField(max_length=60, help_text="plan:7, cohort:3, policy, people, clock or system")
    txid = models.BigIntegerField(db_index=True, help_text="the transaction that wrote it")
    at = models.DateTimeField(db_index=True, help_text="wall time")
    source = models.CharField(max_length=63, help_text="the table")
    op = models.CharField(max_length=8, help_text="INSERT, UPDATE, DELETE; EXISTING: there when recording began")
    row_key = models.CharField(max_length=40, help_text="the row's primary key")
    actor = models.CharField(max_length=20, blank=True, help_text="id of the person the row names")
    db_role = models.CharField(max_length=63, help_text="the login that wrote it, told by PostgreSQL")
    context = models.TextField(blank=True, help_text="what the process said of the request it served, JSON")
    body = models.TextField(help_text="the row's canonical text")

    class Meta:
        indexes = [models.Index(fields=["source", "row_key"], name="ledger_event_by_row")]

    def __str__(self) -> str:
        return f"{self.op} {self.source} {self.row_key}"


class Link(models.Model):
    """An event's place in its stream, and the hash over it and all before it. Append-only."""

    # No foreign key in PostgreSQL: only ledger_seal inserts here, guards keep events, and verification finds one gone.
    # The key's check at every commit may read the whole table when PostgreSQL believes it small.
    event = models.OneToOneField(
        Event, on_delete=models.PROTECT, related_name="link", primary_key=True, db_constraint=False
    )
    stream = models.CharField(max_length=60)
    seq = models.BigIntegerField()
    txid = models.BigIntegerField(db_index=True, help_text="the transaction that sealed it")
    algorithm = models.PositiveSmallIntegerField(default=1)
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="ledger_link_one_per_place"),
            models.UniqueConstraint(fields=["stream", "prev"], name="ledger_link_does_not_fork"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.seq}"


class Checkpoint(models.Model):
    """A signed statement of where streams stood, see core/checkpoints.py. Inserted by the worker. Append-only."""

    number = models.BigIntegerField(primary_key=True)
    body = models.TextField(help_text="canonical JSON: what is signed")
    signature = models.CharField(max_length=128, help_text="Ed25519, hex")
    key_id = models.CharField(max_length=16)
    horizon = models.BigIntegerField(help_text="transactions below had ended; as in the body")
    wall_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class Verification(models.Model):
    """Somebody, or the night, looked whether the record is sound. Append-only."""

    class Scope(models.TextChoices):
        ALL = "ALL", "the whole record"
        STREAM = "STREAM", "one stream"
        RECENT = "RECENT", "what came since the last checkpoint"

    scope = models.CharField(max_length=6, choices=Scope.choices)
    stream = models.CharField(max_length=60, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    sound = models.BooleanField()
    events = models.BigIntegerField(help_text="links looked at")
    checkpoints = models.BigIntegerField()
    findings = models.JSONField(default=list, help_text="[{detector, where, words}], the first hundred")
    holds = models.BooleanField(default=False, help_text="nothing is claimed for sending because of it")
    took_s = models.FloatField()
    wall_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"verification {self.pk}: {'sound' if self.sound else 'NOT sound'}"


class HoldRelease(models.Model):
    """A person decided that sending may go on although a verification failed. Append-only."""

    verification = models.OneToOneField(Verification, on_delete=models.PROTECT, related_name="release")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    wall_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="hold_release_gives_a_reason")]

    def __str__(self) -> str:
        return f"release of the hold by {self.verification}"


class Export(models.Model):
    """Somebody took a copy of the record, or of a part of it. Append-only."""

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="empty: who administers the machine, by command",
    )
    wall_at = models.DateTimeField()
    stream = models.CharField(max_length=60, blank=True, help_text="empty: all")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    events = models.BigIntegerField()
    streams = models.BigIntegerField()
    manifest_sha256 = models.CharField(max_length=64, help_text="SHA-256 of manifest.json, hex")
    spans = models.JSONField(help_text="{stream: [first, last]}: what of each went out; stands in the manifest too")

    class Meta:
        permissions = [("export_record", "Can export the record")]

    def __str__(self) -> str:
        return f"export {self.pk}"


class Cut(models.Model):
    """Retention removed the beginning of a stream. What it was removed up to stays, and is recorded. Append-only."""

    stream = models.CharField(max_length=60)
    seq = models.BigIntegerField(help_text="the last event that was removed")
    hash = models.CharField(max_length=64, help_text="that event's, hex: the next one names it")
    events = models.BigIntegerField(help_text="how many were removed")
    before = models.DateField(help_text="all were older than this day (UTC)")
    minimum_age_days = models.IntegerField()
    checkpoint = models.BigIntegerField(help_text="number of one that covers it")
    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="+")
    rows = models.JSONField(
        help_text="{table: {key: SHA-256 of its text}}: rows the record knew from those events alone"
    )
    wall_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="ledger_cut_once_per_place")]

    def __str__(self) -> str:
        return f"cut of {self.stream} at {self.seq}"
