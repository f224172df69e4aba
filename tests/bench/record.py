"""What the record costs: decisions written with it and without, and its own work as it grows.

    python -m tests.bench.record [--rows 10000000] [--rounds 12] [--verify 1000000]

without arguments in its quick form, as `make bench` runs it.

Every comparison is made within one run, round by round in turn, and is a ratio of medians: machines differ, and so
does one machine from minute to minute. CPU is that of the PostgreSQL process that served, plus this one's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from portal.embedded import DATABASE, EmbeddedPostgres, temporary_postgres
from portal.environment import URL_VARIABLES
from tests.bench.costs import Cost, cost, medians
from tests.bench.record_growth import growth, point_at, verification

ROUNDS = 12
EACH = 60  # decisions a round
QUICK = 200_000


@contextmanager
def database() -> Iterator[EmbeddedPostgres]:
    """A migrated database of its own that Django uses as the superuser would."""
    with temporary_postgres() as server, tempfile.TemporaryDirectory() as folder:
        for role, url in server.urls().items():
            os.environ[URL_VARIABLES[role]] = url
        os.environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_ROLE": "owner", "PORTAL_DATA_DIR": folder}
        os.environ["PORTAL_SECRET_KEY"] = "for this measurement"
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        yield server
        connections.close_all()


# Decisions with the record and without


def recording(*, on: bool) -> None:
    """Put the recording triggers of all sources in or out of force."""
    from django.db import connection

    from portal.ledger.sources import SOURCES

    verb = "ENABLE ALWAYS" if on else "DISABLE"
    with connection.cursor() as cursor:
        for source in SOURCES:
            cursor.execute(f"ALTER TABLE {source.table} {verb} TRIGGER ledger_record")


@dataclass
class Kind:
    """One kind of decision. `prepare` makes what one of them needs, outside the measurement."""

    name: str
    action: Callable[[Any], object]
    prepare: Callable[[], Any] = lambda: None
    with_it: list[Cost] = field(default_factory=list)
    without: list[Cost] = field(default_factory=list)

    def measure(self) -> Cost:
        self.action(self.prepare())  # the first after a change of triggers plans its statements anew
        needed = iter([self.prepare() for _ in range(EACH)])
        return cost(lambda: self.action(next(needed)), EACH)

    def row(self) -> str:
        (on_cpu, on_wall), (off_cpu, off_wall) = map(medians, (self.with_it, self.without))
        pairs = [on.cpu_ms / off.cpu_ms for on, off in zip(self.with_it, self.without, strict=True)]
        return (
            f"| {self.name} | {off_cpu:.2f} | {on_cpu:.2f} | **{statistics.median(pairs):.2f}** |"
            f" {off_wall:.2f} | {on_wall:.2f} | {on_wall / off_wall:.2f} |"
        )


def compare(rounds: int) -> list[str]:
    """The table of decisions."""
    kinds = decisions()
    analyze()
    for number in range(rounds + 1):
        for on in (True, False) if number % 2 else (False, True):
            recording(on=on)
            for kind in kinds:
                measured = kind.measure()
                if number:  # the first round warms up
                    (kind.with_it if on else kind.without).append(measured)
    recording(on=True)
    head = ["decision", "CPU ms without", "with", "ratio", "wall ms without", "with", "ratio"]
    return [f"| {' | '.join(head)} |", "|---|---|---|---|---|---|---|", *[kind.row() for kind in kinds]]


def analyze() -> None:
    """The least favourable moment: PostgreSQL knows the record as small, with all of it from one transaction."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_event, ledger_link")


def decisions() -> list[Kind]:
    """What is measured, each in a transaction of its own."""
    from django.db import connection, transaction
    from django.utils import timezone

    from planning.models import Comment, Plan
    from portal.models import User
    from tests import factories
    from tests.factories import Called
    from tests.portal.pages.browsing import person

    factories.drill()
    omar, olivia = User.objects.create(username="omar"), person("olivia", "supervisor")
    cohorts = [factories.cohort(f"cohort-{number}") for number in range(3)]

    def propose(_nothing: None = None) -> Plan:
        with transaction.atomic():
            return factories.plan_of({cohort: [Called(100)] for cohort in cohorts}, requested_by=omar)

    def vote(plan: Plan) -> None:
        with transaction.atomic():
            factories.approve(plan, olivia)

    def comment(plan: Plan) -> None:
        Comment.objects.create(version_id=plan.current_version_id, by=olivia, text="Seen.", at=timezone.now())

    def comment_plainly(plan: Plan) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO planning_comment (version_id, by_id, text, about, blocker, at, wall_at)"
                " VALUES (%s, %s, 'Seen.', '', false, now(), now())",
                [plan.current_version_id, olivia.pk],
            )

    one = propose()
    return [
        Kind("one row, raw SQL", comment_plainly, lambda: one),
        Kind("one row, a comment", comment, lambda: one),
        Kind("a vote", vote, propose),
        Kind("a plan proposed", propose),
    ]


def table(*, rows: int = QUICK, rounds: int = ROUNDS, events: int = QUICK) -> list[str]:
    """All of it, for the report."""
    with database() as server:
        lines = [*growth(server, rows, rounds), "", *verification(server, events)]
        point_at(server, DATABASE)
        return [*compare(rounds), "", *lines]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=QUICK, help="events of the large record (10000000 needs 12 GB)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--verify", type=int, default=QUICK, help="events to verify")
    asked = parser.parse_args()
    sys.stdout.write("\n".join(table(rows=asked.rows, rounds=asked.rounds, events=asked.verify)) + "\n")
