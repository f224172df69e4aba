"""Sign where the record stands, once a minute or every thousand events, and put a copy where the database cannot reach.

Note [below the horizon]
    A checkpoint looks at links of transactions that had all ended when it was made (`pg_snapshot_xmin`). A later one
    never finds, below its own start, a link that the one before could not see. Heads are the last links below the
    horizon, so a stream may be stated twice; never too little.

    A database restored from a dump counts transactions anew: its horizon lies before the last one. Then every stream is
    stated once, whatever transaction its links name.

Note [committed first, published then]
    A checkpoint is a committed row before its copy is made: a copy that names a checkpoint the database never kept
    would look like one that was taken away. What could not be published is published by the next round.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from portal.ledger.core.checkpoints import FIRST, Head, Statement, checkpoint_hash
from portal.ledger.models import Checkpoint
from portal.ledger.signing import SigningKey, own_or_new_key

logger = logging.getLogger(__name__)
EVERY: Final = dt.timedelta(seconds=60)
AFTER_EVENTS: Final = 1000
DOMAIN: Final = b"checkpoint 1"
FOR_EVER: Final = 2**62
LOCK: Final = 7_300_105  # one checkpoint at a time
PUBLISH_WITHIN_S: Final = 30


class PublishingFailed(Exception):
    """A checkpoint could not be copied to the second place; `reason` says why."""

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        self.reason = reason
        super().__init__(f"Checkpoint {number} could not be published: {reason}")


@dataclass(frozen=True)
class Due:
    """What a checkpoint made now would cover."""

    last: Checkpoint | None
    horizon: int
    events: int = 0

    @property
    def span(self) -> tuple[int, int]:
        """From which transaction to which (exclusive) links are looked at."""
        if self.last and self.last.horizon > self.horizon:
            return 0, FOR_EVER
        return (self.last.horizon if self.last else 0), self.horizon


def checkpoint_if_due(*, wall_at: dt.datetime) -> Checkpoint | None:
    """Make a checkpoint when a minute has passed and something was recorded, or a thousand events were."""
    due = what_is_due()
    old = due.last is None or wall_at - due.last.wall_at >= EVERY
    if due.events >= AFTER_EVENTS or (due.events and old):
        return checkpoint(wall_at=wall_at)
    return None


def what_is_due() -> Due:
    """How much was sealed, below the horizon, since the last checkpoint."""
    due = Due(Checkpoint.objects.order_by("-number").first(), _horizon())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_link WHERE txid >= %s AND txid < %s", due.span)
        return replace(due, events=cursor.fetchone()[0])


def oldest_unsigned() -> dt.datetime | None:
    """When the oldest event was recorded that no checkpoint covers; None: all are covered.

    Those above the horizon count: a session that never ends its transaction keeps all after it from being signed.
    """
    since = Due(Checkpoint.objects.order_by("-number").first(), _horizon()).span[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(e.at) FROM ledger_link l JOIN ledger_event e ON e.id = l.event_id WHERE l.txid >= %s", [since]
        )
        found: dt.datetime | None = cursor.fetchone()[0]
        return found


def checkpoint(*, wall_at: dt.datetime, key: SigningKey | None = None) -> Checkpoint:
    """State and sign the heads of the streams that changed. The row only: `publish_missing` copies it.

    Raises KeyUnusable.
    """
    key = key or own_or_new_key()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        due = what_is_due()
        last = due.last
        body = Statement(
            number=last.number + 1 if last else 1,
            previous=checkpoint_hash(last.body, last.signature) if last else FIRST,
            made_at=wall_at.astimezone(dt.UTC).isoformat(),
            horizon=due.horizon,
            events=due.events,
            heads=_heads(*due.span),
        )
        text = body.body()
        return Checkpoint.objects.create(
            number=body.number,
            body=text,
            signature=key.sign(DOMAIN, text.encode()).hex(),
            key_id=key.key_id,
            horizon=due.horizon,
            wall_at=wall_at,
        )


def publish_missing() -> int:
    """Copy every checkpoint that the second place does not have yet, in order. Returns how many.

    Raises PublishingFailed at the first that cannot be copied.
    """
    done = _published()
    count = 0
    for made in Checkpoint.objects.filter(number__gt=done).order_by("number").iterator():
        publish(made)
        _note_published(made.number)
        count += 1
    return count


def publish(made: Checkpoint) -> None:
    """Give one checkpoint to the command of PORTAL_LEDGER_PUBLISH, else write it into the folder of copies."""
    text = json.dumps(
        {"body": made.body, "key_id": made.key_id, "number": made.number, "signature": made.signature}, sort_keys=True
    )
    command = settings.PORTAL_LEDGER_PUBLISH
    try:
        if command:
            subprocess.run(  # noqa: S602 (the operator's own command)
                command, shell=True, input=text.encode(), capture_output=True, check=True, timeout=PUBLISH_WITHIN_S
            )
        else:
            _write_copy(copies_folder() / f"{made.number:08}.json", f"{text}\n")
    except subprocess.CalledProcessError as error:
        raise PublishingFailed(made.number, error.stderr.decode(errors="replace")[:200] or str(error)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PublishingFailed(made.number, str(error)) from error


def copies_folder() -> Path:
    """The second place: PORTAL_LEDGER_COPIES, else `ledger/checkpoints` in the data directory."""
    return Path(settings.PORTAL_LEDGER_COPIES)


def _horizon() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def _heads(since: int, horizon: int) -> tuple[Head, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT changed.stream, head.seq, encode(head.hash, 'hex')"
            " FROM (SELECT DISTINCT stream FROM ledger_link WHERE txid >= %s AND txid < %s) changed"
            " CROSS JOIN LATERAL (SELECT l.seq, l.hash FROM ledger_link l"
            " WHERE l.stream = changed.stream AND l.txid < %s ORDER BY l.seq DESC LIMIT 1) head"
            ' ORDER BY changed.stream COLLATE "C"',
            [since, horizon, horizon],
        )
        return tuple(Head(*row) for row in cursor.fetchall())


def _marker() -> Path:
    return copies_folder().parent / "published"


def _published() -> int:
    """The number of the last checkpoint the second place has."""
    try:
        return int(_marker().read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _note_published(number: int) -> None:
    _write_copy(_marker(), f"{number}\n")


def _write_copy(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.replace(path)
