"""A copy of the record that can be checked without the portal: events, checkpoints, manifest and a verifier.

What stands in which file, to the byte, is said by verifier.py, which goes into every export as verify.py.

Note [whole stretches]
    Between two instants a stream is exported from its first event at or after the one to its last before the other,
    without a hole: events are in the order of their commits, their times nearly so, and a chain with holes proves
    nothing. So a few events beyond either end may come along; none within is missing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet

from grid.core.refusals import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import verifier
from portal.ledger.models import Checkpoint, Export, Link
from portal.ledger.retention import anchors
from portal.ledger.signing import SigningKey, own_or_new_key

DOMAIN: Final = b"manifest 1"
RIGHT: Final = "ledger.export_record"
MANIFEST: Final = "manifest.json"
AT_A_TIME: Final = 2_000


class ExportRightMissing(NotAllowed):
    """The person's role does not carry the right."""

    def __str__(self) -> str:
        return f"Your role does not allow an export of the record (it needs {RIGHT})."


class FolderTaken(Conflict):
    """Something stands where the export should go."""

    field = "to"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is there already; name a folder that is not."


class StreamUnknown(NotFound):
    """No event was ever recorded in this stream."""

    field = "stream"

    def __init__(self, stream: str) -> None:
        self.stream = stream

    def __str__(self) -> str:
        return f"The record has no stream {self.stream!r}."


class SpanInvalid(Invalid):
    """It ends before it begins."""

    field = "until"

    def __str__(self) -> str:
        return "`until` is after `since`."


@dataclass(frozen=True)
class Asked:
    """What of the record is wanted; None: no limit."""

    stream: str | None = None
    since: datetime | None = None  # events at or after
    until: datetime | None = None  # events before

    def links(self) -> QuerySet[Link]:
        """Links of the events that match."""
        wanted = {"stream": self.stream, "event__at__gte": self.since, "event__at__lt": self.until}
        return Link.objects.filter(**{name: value for name, value in wanted.items() if value is not None})

    def as_json(self) -> dict[str, str | None]:
        return {
            "stream": self.stream,
            "since": instant(self.since) if self.since else None,
            "until": instant(self.until) if self.until else None,
        }


@dataclass(frozen=True)
class Exported:
    """What of one stream is in an export. Hashes in hex; `cut`: where retention ended, if it did."""

    stream: str
    first_seq: int
    last_seq: int
    count: int
    first_prev: str
    head: str
    cut: tuple[int, str] | None


@dataclass(frozen=True)
class Manifest:
    """What an export says of itself, signed. `text` is manifest.json."""

    content: Mapping[str, Any]
    text: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def export(
    *,
    to: Path,
    by: Any,
    wall_at: datetime,
    stream: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Manifest:
    """Write an export into the new folder `to`, and put on record that it was made.

    `by` None: whoever administers the machine. It appears whole or not at all, and not before it is on record. Raises
    ExportRightMissing, FolderTaken, StreamUnknown, SpanInvalid, KeyUnusable, OSError.
    """
    if by is not None and not by.has_perm(RIGHT):
        raise ExportRightMissing
    if since and until and until <= since:
        raise SpanInvalid
    if to.exists():
        raise FolderTaken(to)
    asked = Asked(stream or None, since, until)
    key = own_or_new_key()
    with _appearing(to) as folder:
        streams, files, last_checkpoint = _write_snapshot(asked, folder)
        content = {
            "format": verifier.FORMAT,
            "made_at": instant(wall_at),
            "by": None if by is None else str(by.pk),
            "filter": asked.as_json(),
            "events": sum(one.count for one in streams),
            "streams": [asdict(one) for one in streams],
            "last_checkpoint": last_checkpoint,
            "files": files,
            "public_key": key.public.hex(),
        }
        manifest = _signed(content, key)
        (folder / MANIFEST).write_bytes(manifest.text)
        _record(manifest, streams, asked, by, wall_at)
    return manifest


def instant(at: datetime) -> str:
    """UTC to the microsecond, always of the same length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def _appearing(to: Path) -> Iterator[Path]:
    """A folder for files beside its final place; moved there at the end, removed after a failure."""
    folder = to.with_name(f".{to.name}.unfinished")
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
        folder.rename(to)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _signed(content: dict[str, Any], key: SigningKey) -> Manifest:
    content = json.loads(json.dumps(content))  # tuples are lists in what is signed
    document = {"manifest": content, "signature": key.sign(DOMAIN, verifier.canonical(content)).hex()}
    return Manifest(content, verifier.document_of(document))


def _record(manifest: Manifest, streams: list[Exported], asked: Asked, by: Any, wall_at: datetime) -> None:
    Export.objects.create(
        by=by,
        wall_at=wall_at,
        stream=asked.stream or "",
        since=asked.since,
        until=asked.until,
        events=manifest.content["events"],
        streams=len(streams),
        manifest_sha256=manifest.sha256,
        spans={one.stream: [one.first_seq, one.last_seq] for one in streams},
    )


# Files


class _File:
    """A file that knows its size and SHA-256."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def as_json(self) -> dict[str, Any]:
        return {"sha256": self._digest.hexdigest(), "size": self._size}


def _write_snapshot(asked: Asked, folder: Path) -> tuple[list[Exported], dict[str, Any], int | None]:
    """Write all files but the manifest from one snapshot of the database."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0"
            )
        spans = list(asked.links().values_list("stream").annotate(Min("seq"), Max("seq")))
        if asked.stream and not spans and not Link.objects.filter(stream=asked.stream).exists():
            raise StreamUnknown(asked.stream)
        with _File(folder / "events.jsonl") as lines, _File(folder / "events.csv") as table:
            table.write(verifier.row_of(verifier.FIELDS))
            cuts = anchors()
            streams = [_write_stream(span, cuts.get(span[0]), lines, table) for span in sorted(spans)]
        with _File(folder / "checkpoints.jsonl") as checkpoints:
            last_checkpoint = _write_checkpoints(checkpoints)
    with _File(folder / "verify.py") as program:
        program.write(Path(verifier.__file__).read_bytes())
    files = {"events.jsonl": lines, "events.csv": table, "checkpoints.jsonl": checkpoints, "verify.py": program}
    return streams, {name: file.as_json() for name, file in files.items()}, last_checkpoint


def _write_stream(span: tuple[str, int, int], cut: tuple[int, bytes] | None, lines: _File, table: _File) -> Exported:
    """One stream, from place to place."""
    stream, first, last = span
    count, first_prev, head = 0, "", ""
    for values in _rows(stream, first, last):
        event = dict(zip(verifier.FIELDS, values, strict=True))
        lines.write(verifier.line_of(event))
        table.write(verifier.row_of(values))
        count, head, first_prev = count + 1, event["hash"], first_prev or event["prev"]
    return Exported(stream, first, last, count, first_prev, head, (cut[0], cut[1].hex()) if cut else None)


def _rows(stream: str, first: int, last: int) -> Iterator[list[Any]]:
    """The values of each event, as verifier.FIELDS names them."""
    fields = "event__stream seq prev event__at event__source event__op event__row_key event__actor event__db_role"
    links = Link.objects.filter(stream=stream, seq__range=(first, last)).order_by("seq")
    rows = links.values_list(*fields.split(), "event__context", "event__body", "hash")
    for name, seq, prev, at, *texts, sealed in rows.iterator(chunk_size=AT_A_TIME):
        yield [name, seq, bytes(prev).hex(), instant(at), *texts, bytes(sealed).hex()]


def _write_checkpoints(file: _File) -> int | None:
    """All of them, so that their chain can be followed from its start. Returns the last one's number."""
    last = None
    names = ("number", "body", "signature", "key_id")
    for values in Checkpoint.objects.order_by("number").values_list(*names).iterator(chunk_size=AT_A_TIME):
        file.write(verifier.line_of(dict(zip(names, values, strict=True))))
        last = values[0]
    return last
