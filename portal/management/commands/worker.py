"""`manage.py worker`: the task queue's processes, and the loop that puts recurring work into the queue."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone
from django_q.cluster import Cluster

from grid.clock import now
from grid.operations import beat
from portal.environment import require_secret_key
from portal.ledger.keeper import Keeper
from portal.ticks import Ticker, release_interrupted

logger = logging.getLogger(__name__)
TICK_S = 0.5
STOP_WITHIN_S = 6.0


class Command(BaseCommand):
    help = "Run queued and recurring work: ingest, planning, simulation, measurement. SIGTERM to this process ends it."

    def handle(self, *args: Any, **options: Any) -> None:
        require_secret_key(settings.SECRET_KEY)
        logging.getLogger("django-q").setLevel(logging.WARNING)  # at 60x every task's coming and going fills the disk
        stop = threading.Event()
        release_interrupted(timezone.now())
        connections.close_all()  # the queue's processes are forks of this one and must not share its connection
        cluster = Cluster()

        def ask_to_stop(*_: object) -> None:
            if not stop.is_set():
                stop.set()
                last_resort = threading.Timer(STOP_WITHIN_S, end_by_force, [cluster])
                last_resort.daemon = True
                last_resort.start()

        # The cluster's own handlers stop it inside the signal; here the loop below must end first.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask_to_stop)
        cluster.start()
        ticker = Ticker()
        Keeper(stop).start()
        try:
            while not stop.wait(TICK_S):
                if not cluster.sentinel.is_alive():
                    raise CommandError("The task queue has ended by itself.")
                self._tick(ticker)
        finally:
            cluster.stop()

    def _tick(self, ticker: Ticker) -> None:
        try:
            close_old_connections()
            ticker.run_due(now())
            beat(name="worker", wall_at=timezone.now())
        except (OperationalError, InterfaceError):  # the database restarts: this loop outlives it
            logger.exception("A tick was missed.")
            connections.close_all()


def end_by_force(cluster: Cluster) -> None:
    """Where the queue's processes do not end (a long task, a database that went away first), end them and us.

    What they were doing is done again at the next start.
    """
    logger.error("The task queue did not end within %.0f s and is ended by force.", STOP_WITHIN_S)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    cluster.sentinel.kill()
    os._exit(1)
