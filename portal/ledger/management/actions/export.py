"""`manage.py ledger export`: a copy of the record, or of a part of it, into a new folder."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import OutputWrapper
from django.utils import timezone

from grid.core.intervals import CENTRAL
from grid.core.refusals import Refusal
from portal.acting import acting_as
from portal.ledger.exporting import export
from portal.ledger.signing import KeyUnusable
from portal.models import User

HELP: Final = "write the record's events, checkpoints, a manifest and a stand-alone verifier into a new folder"


def instant(text: str) -> datetime:
    """ISO 8601; without an offset, Central time."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no ISO 8601 date or time") from error
    return given if given.tzinfo else given.replace(tzinfo=CENTRAL)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--stream", help="one stream only, such as plan:7")
    parser.add_argument("--since", type=instant, help="events at or after this time (ISO 8601; Central time)")
    parser.add_argument("--until", type=instant, help="events before this time")
    parser.add_argument("--by", metavar="USERNAME", help="who asks for it; without, who administers this machine")
    parser.add_argument("--json", action="store_true", help="print the manifest")


def handle(out: OutputWrapper, options: Mapping[str, Any]) -> int:
    """0: written; 1: refused; 2: could not be written."""
    with nullcontext() if settings.PORTAL_ROLE == "web" else acting_as("web"):
        by = User.objects.filter(username=options["by"], is_active=True).first() if options["by"] else None
        if options["by"] and by is None:
            out.write(f"There is no active person {options['by']!r}.")
            return 1
        try:
            manifest = export(
                to=options["to"].absolute(),
                by=by,
                wall_at=timezone.now(),
                stream=options["stream"],
                since=options["since"],
                until=options["until"],
            )
        except Refusal as refusal:
            out.write(str(refusal))
            return 1
        except (KeyUnusable, OSError) as error:
            out.write(str(error))
            return 2
    if options["json"]:
        out.write(json.dumps({**manifest.content, "manifest_sha256": manifest.sha256}))
    else:
        counts = f"{manifest.content['events']:,} events in {len(manifest.content['streams']):,} streams"
        out.write(f"{counts} written to {options['to']}; manifest SHA-256 {manifest.sha256}.")
        out.write(f"Check it: python3 -I -S {options['to']}/verify.py --key {manifest.content['public_key']}")
    return 0
