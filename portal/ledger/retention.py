"""What retention may remove from the beginnings of streams, and where streams begin that were cut. See docs/adr/0011.

PostgreSQL has the last word on every cut (migrations/0006); here is found out which ones it will accept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from grid.core.refusals import Invalid
from portal.ledger.core.checkpoints import parse_body
from portal.ledger.models import Checkpoint, Cut, Event, Export, Link

KEPT_WHOLE: Final = "retention"  # the stream of the cuts themselves


class TooRecent(Invalid):
    """What happened then has to be kept for longer."""

    field = "before"

    def __init__(self, before: date, latest: date, days: int) -> None:
        self.before, self.latest, self.days = before, latest, days

    def __str__(self) -> str:
        kept = f"The record is kept for {self.days:,} days"
        return f"{kept}: nothing from {self.latest} on can be removed, and {self.before} is later."


class Anchor(NamedTuple):
    """The last event that was removed from a stream: the first one left names its hash."""

    seq: int
    hash: bytes


@dataclass(frozen=True)
class Beginning:
    """The longest beginning of a stream that may go: places `first` to `last`; none where `last` is below `first`.

    `held_by` says in words what keeps the rest of what is old.
    """

    stream: str
    first: int
    last: int
    checkpoint: int
    export: int
    held_by: str

    @property
    def events(self) -> int:
        return max(0, self.last - self.first + 1)


def anchors() -> dict[str, Anchor]:
    """By stream, where it was cut last. A cut that the record does not know is none."""
    recorded = Event.objects.filter(source="ledger_cut", op="INSERT", row_key=OuterRef("key"))
    known = Cut.objects.annotate(key=Cast("pk", CharField())).filter(Exists(recorded)).order_by("seq")
    return {cut.stream: Anchor(cut.seq, bytes.fromhex(cut.hash)) for cut in known}


def beginnings(*, before: date, wall_at: datetime, stream: str = "") -> list[Beginning]:
    """What of each stream is older than the day (UTC), covered by a checkpoint and exported. Raises TooRecent."""
    days = settings.PORTAL_RETENTION_DAYS
    latest = (wall_at - timedelta(days=days)).date()
    if before > latest:
        raise TooRecent(before, latest, days)
    covered, exported = _covered(), _exported()
    return [
        _beginning(name, first, last, young, covered.get(name, (0, 0)), exported.get(name, {}))
        for name, first, last, young in _old(before, stream)
    ]


def prune(*, before: date, wall_at: datetime, stream: str = "") -> list[Cut]:
    """Remove what `beginnings` names, each stream in a transaction of its own. As owner. Raises TooRecent."""
    due = beginnings(before=before, wall_at=wall_at, stream=stream)
    return [_cut(one, before, wall_at) for one in due if one.events]


def _old(before: date, stream: str) -> list[tuple[str, int, int, int | None]]:
    """Streams with something older: first and last place, and the first place that is not older."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.stream, min(l.seq), max(l.seq), min(l.seq) FILTER (WHERE e.at >= day.begins) FROM ledger_link l"
            " JOIN ledger_event e ON e.id = l.event_id, (SELECT %s::timestamp AT TIME ZONE 'UTC' AS begins) day"
            " WHERE l.stream <> %s AND (%s = '' OR l.stream = %s)"
            " GROUP BY l.stream HAVING min(e.at) < min(day.begins) ORDER BY l.stream",
            [before, KEPT_WHOLE, stream, stream],
        )
        rows: list[tuple[str, int, int, int | None]] = cursor.fetchall()
    return rows


def _covered() -> dict[str, tuple[int, int]]:
    """By stream, the last place a checkpoint names, and that checkpoint's number."""
    found: dict[str, tuple[int, int]] = {}
    for made in Checkpoint.objects.order_by("number").iterator():
        for head in parse_body(made.body).heads:
            found[head.stream] = max(found.get(head.stream, (0, 0)), (head.seq, made.number))
    return found


def _exported() -> dict[str, dict[int, tuple[int, int]]]:
    """By stream and export, the first and last place that went out."""
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for pk, spans in Export.objects.values_list("pk", "spans").iterator():
        for name, (first, last) in spans.items():
            found.setdefault(name, {})[pk] = (first, last)
    return found


def _beginning(
    stream: str,
    first: int,
    last: int,
    young: int | None,
    covered: tuple[int, int],
    exported: Mapping[int, tuple[int, int]],
) -> Beginning:
    reach, export = max(((end, pk) for pk, (begin, end) in exported.items() if begin <= first), default=(0, 0))
    limits = (
        (last if young is None else young - 1, "the rest is younger"),
        (last - 1, "the last event of a stream stays"),
        (covered[0], "no checkpoint covers more"),
        (reach, "no export has more"),
    )
    limit, words = min(limits)
    return Beginning(stream, first, limit, covered[1], export, words)


def _cut(beginning: Beginning, before: date, wall_at: datetime) -> Cut:
    stream, last = beginning.stream, beginning.last
    with transaction.atomic(), connection.cursor() as cursor:
        if settings.PORTAL_RETENTION_SHORT:
            days = str(settings.PORTAL_RETENTION_DAYS)
            cursor.execute("SELECT set_config('portal.retention_floor_days', %s, true)", [days])
        cut = Cut.objects.create(
            stream=stream,
            seq=last,
            hash=bytes(Link.objects.values_list("hash", flat=True).get(stream=stream, seq=last)).hex(),
            events=beginning.events,
            before=before,
            minimum_age_days=settings.PORTAL_RETENTION_DAYS,
            checkpoint=beginning.checkpoint,
            export_id=beginning.export,
            rows=_rows_known_from(stream, last),
            wall_at=wall_at,
        )
        cursor.execute(
            "DELETE FROM ledger_event e USING ledger_link l WHERE l.event_id = e.id AND l.stream = %s AND l.seq <= %s",
            [stream, last],
        )
        cursor.execute("DELETE FROM ledger_link l WHERE l.stream = %s AND l.seq <= %s", [stream, last])
    cut.refresh_from_db()
    return cut


def _rows_known_from(stream: str, last: int) -> dict[str, dict[str, str]]:
    """SHA-256 of the text of each row that no later event speaks of, by table and key."""
    known: dict[str, dict[str, str]] = {}
    for table, key, digest in _digests(stream, last):
        known.setdefault(table, {})[key] = digest
    return known


def _digests(stream: str, last: int) -> Iterator[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.source, b.row_key, encode(sha256(convert_to(b.body, 'UTF8')), 'hex') FROM"
            " (SELECT DISTINCT ON (e.source, e.row_key) e.* FROM ledger_link l JOIN ledger_event e ON e.id = l.event_id"
            "  WHERE l.stream = %s AND l.seq <= %s ORDER BY e.source, e.row_key, e.id DESC) b"
            " WHERE b.op <> 'DELETE' AND NOT EXISTS (SELECT FROM ledger_event n"
            "  WHERE n.source = b.source AND n.row_key = b.row_key AND n.id > b.id) ORDER BY 1, 2",
            [stream, last],
        )
        yield from cursor.fetchall()
