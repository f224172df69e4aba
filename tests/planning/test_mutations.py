"""Take every single guard away, one at a time, and see that a probe of `guards/` notices.

In PostgreSQL: each condition that leads to a refusal, each trigger, each constraint of the tables of decisions and
signals, each term of the conditions listed in `TERMS`, each right a process must not have. In Python: each `raise` of
the operations. All found by reading the code as it stands, so that a new guard without a probe fails here; what only
two sessions at once can see is in LOCKS. Every change is undone with the transaction it was made in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from tests.planning.guards.every import PROBES
from tests.planning.guards.mutating import Guard, all_guards
from tests.planning.guards.stand import Role, Stand
from tests.proof_tables import read_table, table, write_table

PAGE, MARK = "approval-guards.md", "guards"
NOTHING = "nothing"
EACH = 10
"""`make test` takes every so-manyth guard away, `make prove` each."""

Row = tuple[str, str, str]
"""A guard, where it stands, and who notices that it is gone."""


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def notices(name: str, stand: Stand) -> bool:
    """Whether the probe fails."""
    with undone():
        try:
            with transaction.atomic():
                PROBES[name](stand)
        except Exception:
            return True
    return False


def caught_by(guard: Guard, stand: Stand, likely: set[str]) -> str:
    """The first probe that notices; the likely ones go first."""
    with undone(), guard.removed():
        probes = sorted(PROBES, key=lambda name: name not in likely)
        return next((name for name in probes if notices(name, stand)), NOTHING)


def missed(guards: list[Guard], stand: Stand) -> list[Row]:
    """Likely to notice is who did when the table was written, or who noticed what else is gone there."""
    likely: dict[tuple[str, str], set[str]] = defaultdict(set)
    there: dict[str, set[str]] = defaultdict(set)
    for name, where, probe in read_table(PAGE, MARK):
        likely[name, where].add(probe)
    rows = []
    for guard in guards:
        probe = caught_by(guard, stand, likely[guard.name, guard.where] or there[guard.where])
        there[guard.where].add(probe)
        rows.append((guard.name, guard.where, probe))
    return rows


def test_the_table_has_every_guard(db: None) -> None:
    """`make prove` writes it."""
    written = [(name, where) for name, where, _probe in read_table(PAGE, MARK)]
    assert written == [(guard.name, guard.where) for guard in all_guards()]


def test_some_guards_are_missed_when_they_are_gone(as_role: Role) -> None:
    rows = missed(all_guards()[::EACH], Stand(as_role))
    assert [row for row in rows if row[2] == NOTHING] == []


@pytest.mark.prove
def test_every_guard_is_missed_when_it_is_gone(as_role: Role) -> None:
    rows = missed(all_guards(), Stand(as_role))
    write_table(PAGE, MARK, table(("guard", "where", "caught by"), rows))
    assert [row for row in rows if row[2] == NOTHING] == []
