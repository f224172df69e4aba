"""Each probe alone: the forbidden thing is refused, by the guard meant for it. `test_mutations` takes guards away."""

from __future__ import annotations

from django.db import transaction

from tests.planning.guards.every import PROBES
from tests.planning.guards.stand import Role, Stand


def test_every_guard_holds(as_role: Role) -> None:
    stand = Stand(as_role)
    broken = {}
    for name, probe in PROBES.items():
        with transaction.atomic():
            try:
                with transaction.atomic():
                    probe(stand)
            except Exception as error:
                broken[name] = f"{type(error).__name__}: {error}"
            transaction.set_rollback(True)
    assert not broken, "\n".join(f"{name}: {why}" for name, why in broken.items())
