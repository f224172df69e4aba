"""`manage.py dispatch`: sends what was approved, twice a second. The only process whose role may insert signals."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from dispatch.operations import run_once
from grid.clock import now
from grid.operations import beat

logger = logging.getLogger(__name__)
ROUND_S = 0.5  # wall time


class Command(BaseCommand):
    help = "Claim authorised plans, send, start, complete and cancel them. SIGTERM ends it between two rounds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self._round()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while True:
            try:
                close_old_connections()
                self._round()
            except (OperationalError, InterfaceError):  # the database restarts: this loop outlives it
                logger.exception("A round was missed.")
                connections.close_all()
            if stop.wait(ROUND_S):
                return

    def _round(self) -> None:
        done = run_once(at=now(), wall_at=timezone.now())
        beat(name="dispatch", wall_at=timezone.now())
        if done:
            logger.info("%s", done)
