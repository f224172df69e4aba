"""A row's history as differences: field, before, after, when, and who as far as the record tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import Field, Model

from grid.core.intervals import CENTRAL
from portal.evidence.material import who_of
from portal.evidence.parts import Seal
from portal.evidence.stream import Entry, entries_beside
from portal.history import models
from portal.models import User

MOST: Final = 50
SHOWN_VALUES: Final = 6
INSERTED: Final = "insert"
DELETED: Final = "delete"
BY_PROCESS: Final = frozenset({"planning_plan", "dispatch_signal", "dispatch_eventresult"})
"""Moved by processes, or by votes that others may still have to give without knowing: the login alone is told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One write of the row. `at` is wall time; no differences: it was made, or deleted."""

    at: datetime
    what: str
    who: str
    differences: tuple[Difference, ...]
    seal: Seal | None


def history_of(model: type[Model]) -> Any:
    """The model that holds another one's history; None: it has none."""
    return HISTORIES.get(model)


def _histories() -> Mapping[type[Model], Any]:
    proxies = (
        models.TrackedCohort,
        models.TrackedPlan,
        models.TrackedSignal,
        models.TrackedVen,
        models.TrackedEventResult,
        models.TrackedUser,
        models.TrackedApiToken,
    )
    found: dict[type[Model], Any] = {}
    for proxy in proxies:
        concrete: Any = proxy._meta.concrete_model
        found[concrete] = getattr(proxy, "pgh_event_model")  # noqa: B009 - set by pghistory, unknown to the types
    return found


HISTORIES: Final = _histories()


def changes_of(model: type[Model], key: object) -> list[Change]:
    """Newest first, fifty at most; three queries."""
    history = history_of(model)
    if history is None:
        return []
    rows = list(history.objects.filter(pgh_obj_id=key).order_by("-pgh_id")[: MOST + 1])
    table = model._meta.db_table
    recorded = entries_beside([], [(table, key)]) if rows else ()
    names = _names(recorded)
    pairs = zip(rows[:MOST], [*rows[1:], None], strict=False)
    return [_change(new, old, table, recorded, names) for new, old in pairs]


def _change(new: Any, old: Any, table: str, recorded: Sequence[Entry], names: Mapping[int, str]) -> Change:
    entry = next((each for each in recorded if each.at >= new.pgh_created_at), None)
    made, gone = new.pgh_label == INSERTED, new.pgh_label == DELETED
    differences = () if made or gone or old is None else tuple(_differences(old, new))
    return Change(
        at=new.pgh_created_at,
        what="made" if made else "deleted" if gone else "changed",
        who=_who(entry, table, names),
        differences=differences,
        seal=Seal.of(entry) if entry else None,
    )


def _who(entry: Entry | None, table: str, names: Mapping[int, str]) -> str:
    """Who was signed in, as the process told; else the login that wrote."""
    if entry is None:
        return "not in the record"
    told = entry.told.get("person")
    if told and table not in BY_PROCESS:
        return who_of(names)(told)
    return f"login {entry.db_role}"


def _names(recorded: Iterable[Entry]) -> dict[int, str]:
    ids = {entry.told["person"] for entry in recorded if entry.told.get("person")}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username")) if ids else {}


def _differences(old: Any, new: Any) -> Iterable[Difference]:
    for field in new._meta.concrete_fields:
        if field.name.startswith("pgh_"):
            continue
        before, after = getattr(old, field.attname), getattr(new, field.attname)
        if before != after:
            name = str(field.verbose_name)
            yield Difference(name[:1].upper() + name[1:], _shown(field, before), _shown(field, after))


def _shown(field: Field[Any, Any], value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(CENTRAL):%a %-d %b %Y %H:%M %Z}"
    if isinstance(value, float | Decimal):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        more = "" if len(value) <= SHOWN_VALUES else f" and {len(value) - SHOWN_VALUES} more"
        return ", ".join(_shown(field, each) for each in value[:SHOWN_VALUES]) + more
    return str(dict(field.flatchoices).get(value, value)) if field.choices else str(value)
