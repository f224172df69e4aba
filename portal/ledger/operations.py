"""Verifications that are kept, and letting sending go on after one that failed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from portal.ledger.models import HoldRelease, Verification
from portal.ledger.verifying import Report, verify
from portal.models import User

MAY_VERIFY = "ledger.add_verification"
MAY_RELEASE = "ledger.add_holdrelease"
LOCK = 7_300_106


class LedgerRefused(Exception):
    """What was asked for is not allowed or has no object; the words say why."""


class AlreadyVerifying(LedgerRefused):
    """Another verification is under way."""

    def __init__(self) -> None:
        super().__init__("The record is being verified already; its result will be here in a moment.")


def verify_and_keep(
    *, by: User | None, stream: str = "", since_checkpoint: bool = False, external: Path | None = None
) -> Verification:
    """Verify and keep the result as a row. One at a time. `by` None: the night, or the command line.

    Raises AlreadyVerifying, or LedgerRefused without the right to.
    """
    if by is not None and not by.has_perm(MAY_VERIFY):
        raise LedgerRefused(f"Your role does not carry the right to verify the record (it needs {MAY_VERIFY}).")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise AlreadyVerifying
        try:
            report = verify(stream=stream, since_checkpoint=since_checkpoint, external=external)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return keep(report, by=by)


def keep(report: Report, *, by: User | None) -> Verification:
    """Write down what a verification found."""
    scopes = Verification.Scope
    scope = scopes.STREAM if report.stream else scopes.RECENT if report.since_checkpoint else scopes.ALL
    return Verification.objects.create(
        scope=scope,
        stream=report.stream,
        by=by,
        sound=report.sound,
        events=report.events,
        checkpoints=report.checkpoints,
        findings=[asdict(finding) for finding in report.findings],
        holds=not report.sound and settings.PORTAL_LEDGER_HOLDS,
        took_s=round(report.took_s, 3),
    )


def release_hold(*, verification: Verification, by: User, reason: str) -> HoldRelease:
    """Let sending go on although this verification failed. Raises LedgerRefused."""
    if not by.has_perm(MAY_RELEASE):
        raise LedgerRefused(f"Your role does not carry the right to let sending go on (it needs {MAY_RELEASE}).")
    if not reason.strip():
        raise LedgerRefused("Say why sending may go on although the record failed its verification.")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if verification.sound or HoldRelease.objects.filter(verification=verification).exists():
            raise LedgerRefused("Nothing is held by this verification.")
        return HoldRelease.objects.create(verification=verification, by=by, reason=reason.strip())
