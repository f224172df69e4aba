"""`manage.py ledger prune`: remove the beginnings of streams that are older than what has to be kept. As owner."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date
from typing import Any, Final

from django.conf import settings
from django.core.management.base import OutputWrapper
from django.db import DatabaseError
from django.utils import timezone

from grid.core.refusals import Refusal
from portal.acting import acting_as
from portal.ledger.retention import beginnings, prune

HELP: Final = "remove events older than a day from the beginnings of streams; without --confirm only say which"


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no date such as 2019-12-31") from error


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--before", type=day, required=True, metavar="DATE", help="events of earlier days (UTC)")
    parser.add_argument("--stream", default="", help="one stream only, such as plan:7")
    parser.add_argument("--confirm", action="store_true", help="do it")
    parser.add_argument("--json", action="store_true", help="print one object")


def handle(out: OutputWrapper, options: Mapping[str, Any]) -> int:
    """0: done, or said; 1: refused; 2: the database refused."""
    asked = {"before": options["before"], "stream": options["stream"], "wall_at": timezone.now()}
    with nullcontext() if settings.PORTAL_ROLE == "owner" else acting_as("owner"):
        try:
            found = beginnings(**asked)
            cuts = prune(**asked) if options["confirm"] else []
        except Refusal as refusal:
            out.write(str(refusal))
            return 1
        except DatabaseError as error:
            out.write(f"The database refused: {error}")
            return 2
    streams = [
        {"stream": one.stream, "first": one.first, "last": one.last, "events": one.events, "held_by": one.held_by}
        for one in found
    ]
    done = [{"stream": cut.stream, "seq": cut.seq, "hash": cut.hash, "events": cut.events} for cut in cuts]
    if options["json"]:
        out.write(json.dumps({"streams": streams, "cuts": done}))
        return 0
    for one in found:
        out.write(f"{one.stream}: {one.events:,} events, up to no. {one.last:,}; {one.held_by}.")
    total = f"{sum(cut.events for cut in cuts):,} events removed from {len(cuts):,} streams."
    out.write(total if options["confirm"] else "Nothing was removed; --confirm does it.")
    return 0
