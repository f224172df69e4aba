"""Entry points of the worker. A task takes plain values, makes one call, and is safe to run twice."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMessage

from grid import clock
from grid import tasks as feed_tasks
from grid.core.intervals import CENTRAL
from planning import operations, proposal
from planning import watch as agent
from planning.models import Escalation

log = logging.getLogger(__name__)


def solve(plan_id: int, number: int) -> None:
    """Answer request `number` of a plan."""
    at = clock.now()
    try:
        proposal.solve_request(plan_id=plan_id, number=number, at=at)
    except Exception:
        # The edge: the plan must not wait for ever for an answer that will not come; the task itself still fails.
        log.exception("plan %s, request %s could not be solved", plan_id, number)
        proposal.give_up(
            plan_id=plan_id, number=number, at=at, why="The planner failed unexpectedly; the worker's log says why."
        )
        raise


def watch() -> None:
    """Let the watch agent look at what is known by now, whether or not this minute's ingest came first."""
    feed_tasks.ingest()
    state = clock.state()
    agent.watch(at=state.at, mode=state.mode)


def expire() -> None:
    """Close what nobody decided in time, and say of the rest how much of their time has passed."""
    at = clock.now()
    operations.expire_due(at=at)
    for row in operations.escalate_due(at=at):
        tell_escalation(row)


def tell_escalation(row: Escalation) -> None:
    """Write to who can still vote, if the row says that somebody is told. No MW: some owe an estimate of their own.

    The row is committed, so nobody else sends it; a mail server that fails is logged and not tried again.
    """
    addresses = operations.addresses_of(row.version) if row.told else {}
    wanted = [address for name, address in addresses.items() if name in row.told]
    if not wanted:
        return
    plan = row.version.plan
    decide_by = f"{plan.approve_by.astimezone(CENTRAL):%a %-d %b %Y %H:%M %Z}" if plan.approve_by else "now"
    drill = "" if plan.mode == "LIVE" else f"{plan.mode}: "
    subject = f"{drill}Plan {plan.pk} waits for your vote: {row.share_pct} % of the time has passed"
    text = (
        f"Plan {plan.pk}, version {row.version.number} ({plan.mode}), is to be decided by {decide_by}.\n"
        f"{row.share_pct} % of the time to decide has passed. Nothing is approved by a timeout: undecided, it expires."
        "\n\n"
        f"{settings.PUBLIC_URL}/plans/{plan.pk}/\n"
    )
    try:
        EmailMessage(subject, text, bcc=wanted).send()
    except OSError:  # smtplib's errors among them
        log.exception("the message about plan %s at %s %% could not be sent", plan.pk, row.share_pct)
