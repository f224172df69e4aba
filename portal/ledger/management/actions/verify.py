"""`manage.py ledger verify`: is the record sound?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from django.core.management.base import OutputWrapper
from django.db import DatabaseError

from portal.ledger.operations import keep
from portal.ledger.verifying import Report, verify

HELP: Final = "look whether the record is sound: 0 it is, 1 it is not, 2 it could not be looked at"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stream", default="", help="only this one, such as plan:7")
    parser.add_argument("--since-checkpoint", action="store_true", help="only what came since the last checkpoint")
    parser.add_argument("--external", type=Path, metavar="DIR", help="the folder of copies; else this portal's own")
    parser.add_argument("--keep", action="store_true", help="write the result down as the nightly run does")
    parser.add_argument("--json", action="store_true", help="print one object")


def handle(out: OutputWrapper, options: Mapping[str, Any]) -> int:
    """Prints what was looked at and every finding listed."""
    if options["external"] and not options["external"].is_dir():
        return _cannot(out, f"{options['external']} is no folder", as_json=options["json"])
    try:
        report = verify(
            stream=options["stream"], since_checkpoint=options["since_checkpoint"], external=options["external"]
        )
        if options["keep"]:
            keep(report, by=None)
    except DatabaseError as error:
        return _cannot(out, f"the database did not answer: {error}".strip(), as_json=options["json"])
    if options["stream"] and not report.events:
        return _cannot(out, f"there is no stream {options['stream']}", as_json=options["json"])
    out.write(json.dumps({"sound": report.sound, **asdict(report)}) if options["json"] else in_words(report))
    return 0 if report.sound else 1


def in_words(report: Report) -> str:
    """A report for people."""
    looked = (
        f"{report.events} events in {report.streams} streams, {report.checkpoints} checkpoints, {report.copies} copies,"
        f" {report.rows} rows, in {report.took_s:.1f} s"
    )
    if report.sound:
        return f"Sound: {looked}."
    lines = [f"  {finding.detector}: {finding.where} {finding.words}" for finding in report.findings]
    return "\n".join([f"NOT SOUND: {report.count} findings in {looked}.", *lines])


def _cannot(out: OutputWrapper, words: str, *, as_json: bool) -> int:
    out.write(json.dumps({"sound": None, "error": words}) if as_json else f"Could not be verified: {words}.")
    return 2
