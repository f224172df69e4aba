"""`manage.py ledger checkpoint`: make one now, whatever is due."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import OutputWrapper
from django.db import DatabaseError
from django.utils import timezone

from portal.ledger.checkpointing import PublishingFailed, checkpoint, publish_missing
from portal.ledger.signing import KeyUnusable

HELP: Final = "sign where the record stands now, and copy what was not copied yet"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one object")


def handle(out: OutputWrapper, options: Mapping[str, Any]) -> int:
    """Prints the checkpoint's number."""
    try:
        made = checkpoint(wall_at=timezone.now())
        copied = publish_missing()
    except (KeyUnusable, PublishingFailed, DatabaseError) as error:
        out.write(json.dumps({"error": str(error)}) if options["json"] else f"No checkpoint: {error}")
        return 2
    told = {"number": made.number, "key_id": made.key_id, "copied": copied}
    out.write(json.dumps(told) if options["json"] else f"Checkpoint {made.number} made, {copied} copied.")
    return 0
