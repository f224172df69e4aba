"""Work for the queue: verifying takes longer than a page may."""

from __future__ import annotations

import logging

from portal.ledger.operations import AlreadyVerifying, verify_and_keep
from portal.models import User

READABLE = ("pk", "username", "is_active", "is_superuser")  # the worker may not read the rest of a person
logger = logging.getLogger(__name__)


def verify_record(by_id: int | None = None) -> bool | None:
    """Verify all of it; None: another one is at it."""
    by = User.objects.only(*READABLE).get(pk=by_id) if by_id else None
    try:
        kept = verify_and_keep(by=by)
    except AlreadyVerifying:
        return None
    if not kept.sound:
        logger.critical("The record is NOT sound: %s", kept.findings[:3])
    return kept.sound
