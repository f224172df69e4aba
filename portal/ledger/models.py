"""Events of the record and the links that seal them. Only triggers write here; see migrations/0002."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """One decision row as it was written: the text that is sealed. Append-only."""

    stream = models.CharField(max_length=60, help_text="plan:7, cohort:3, policy, people, clock or system")
    txid = models.BigIntegerField(db_index=True, help_text="the transaction that wrote it")
    at = models.DateTimeField(db_index=True, help_text="wall time")
    source = models.CharField(max_length=63, help_text="the table")
    op = models.CharField(max_length=6, help_text="INSERT, UPDATE or DELETE")
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

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="link", primary_key=True)
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
