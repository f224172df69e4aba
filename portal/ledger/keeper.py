"""Keeps checkpoints coming, and asks for a verification every night. A thread of the worker's own."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from typing import Final
from zoneinfo import ZoneInfo

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone
from django_q.tasks import async_task

from grid.operations import beat
from portal.ledger.checkpointing import PublishingFailed, checkpoint_if_due, oldest_unsigned, publish_missing
from portal.ledger.models import Verification
from portal.ledger.signing import KeyUnusable

logger = logging.getLogger(__name__)
NAME: Final = "record"
EVERY_S: Final = 2.0
SILENT_AFTER: Final = dt.timedelta(minutes=3)
NIGHT: Final = dt.time(2, 0)
WHERE: Final = ZoneInfo("America/Chicago")
VERIFY: Final = "portal.ledger.tasks.verify_record"
VERIFY_WITHIN_S: Final = 3600


class Keeper(threading.Thread):
    """Runs until `stop` is set. What goes wrong is logged and leaves it without a sign of life: that is the alarm."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="keeper of the record", daemon=True)
        self._stop_asked = stop
        self._asked_for = dt.date.min

    def run(self) -> None:
        while not self._stop_asked.wait(EVERY_S):
            try:
                close_old_connections()
                self.run_due(timezone.now())
            except (DatabaseError, InterfaceError):  # the database restarts: this loop outlives it
                logger.exception("The record was not kept this time.")
                connections.close_all()
            except (KeyUnusable, PublishingFailed) as error:
                logger.error("The record was not kept this time: %s", error)
        connections.close_all()

    def run_due(self, wall_at: dt.datetime) -> None:
        """One round: checkpoint, copies, a sign of life; the night's verification once a night."""
        checkpoint_if_due(wall_at=wall_at)
        publish_missing()
        waiting = oldest_unsigned()
        if waiting is None or wall_at - waiting < SILENT_AFTER:
            beat(name=NAME, wall_at=wall_at)
        else:
            logger.error("Events since %s are not signed: a transaction before them does not end.", waiting)
        night = night_of(wall_at)
        if self._asked_for < night:
            if not verified_since(night):
                async_task(VERIFY, timeout=VERIFY_WITHIN_S)
            self._asked_for = night


def night_of(wall_at: dt.datetime) -> dt.date:
    """The day whose night's verification is due, or was, at this time."""
    local = wall_at.astimezone(WHERE)
    return local.date() if local.time() >= NIGHT else local.date() - dt.timedelta(days=1)


def verified_since(night: dt.date) -> bool:
    """Whether all of the record was verified since that night began."""
    began = dt.datetime.combine(night, NIGHT, WHERE)
    return Verification.objects.filter(scope=Verification.Scope.ALL, wall_at__gte=began).exists()
