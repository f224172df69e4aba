"""Where streams begin that retention has cut, and the cutting. See docs/adr/0011."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from portal.ledger.models import Cut, Event


class Anchor(NamedTuple):
    """The last event that was removed from a stream: the first one left names its hash."""

    seq: int
    hash: bytes


def anchors() -> dict[str, Anchor]:
    """By stream, where it was cut last. A cut that the record does not know is none."""
    recorded = Event.objects.filter(source="ledger_cut", op="INSERT", row_key=OuterRef("key"))
    known = Cut.objects.annotate(key=Cast("pk", CharField())).filter(Exists(recorded)).order_by("seq")
    return {cut.stream: Anchor(cut.seq, bytes.fromhex(cut.hash)) for cut in known}
