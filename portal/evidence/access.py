"""Who may do what now, since when, granted by whom as far as the record tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from planning.approval_queries import delegations
from planning.models import Delegation, Passkey
from portal.evidence.stream import COLUMNS, Entry, read_entries
from portal.models import ApiToken, SignIn, User

VOTE: Final = "approve_plan"
LONG_AWAY_DAYS: Final = 90
GRANTS: Final = (
    f"SELECT {COLUMNS} FROM ledger_event e JOIN ledger_link l ON l.event_id = e.id"  # noqa: S608 (constants)
    " WHERE e.source = 'portal_user_groups' ORDER BY e.id"
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somebody has. `entry` None: the record does not have it."""

    role: str
    entry: Entry | None
    by: str

    @property
    def since(self) -> datetime | None:
        """Wall time; None where the record began after it."""
        return self.entry.at if self.entry and self.entry.op == "INSERT" else None


@dataclass(frozen=True, slots=True)
class Access:
    """One person's access now."""

    person: User
    grants: tuple[Grant, ...]
    rights: tuple[str, ...]
    last_seen: datetime | None
    passkeys: int
    tokens: int
    lent: tuple[Delegation, ...]
    borrowed: tuple[Delegation, ...]
    findings: tuple[str, ...]


def access_now(*, at: datetime, wall_at: datetime) -> list[Access]:
    """Everybody with an account, by name. `at` is portal time (delegations run by it); five queries."""
    people = list(_people())
    granted = _granted(people)
    rights = _rights_of_roles()
    in_force = list(delegations().filter(starts_at__lte=at, ends_at__gt=at, end=None).order_by("pk"))
    return [_access(person, granted, rights, in_force, wall_at) for person in people]


def _people() -> QuerySet[User]:
    """With what an account holds counted by PostgreSQL."""
    keys = Passkey.objects.filter(user=OuterRef("pk"), end=None).order_by().values("user").annotate(n=Count("pk"))
    tokens = ApiToken.objects.filter(user=OuterRef("pk"), revoked_at=None).order_by().values("user")
    signed_in = (
        SignIn.objects.filter(Q(outcome=SignIn.Outcome.SIGNED_IN), user=OuterRef("pk")).order_by().values("user")
    )
    return (
        User.objects.annotate(
            keys=Coalesce(Subquery(keys.values("n")), 0),
            tokens=Coalesce(Subquery(tokens.annotate(n=Count("pk")).values("n")), 0),
            seen=Subquery(signed_in.annotate(last=Max("wall_at")).values("last")),
        )
        .prefetch_related("groups")
        .order_by("username")
    )


def _granted(people: Iterable[User]) -> Mapping[tuple[int, int], Grant]:
    """The last event that gave a person a role, by person and role."""
    names = {person.pk: person.get_username() for person in people}
    found: dict[tuple[int, int], Grant] = {}
    for entry in read_entries(GRANTS, []):
        key = (int(entry.row["user_id"]), int(entry.row["group_id"]))
        if entry.op == "DELETE":
            found.pop(key, None)
        else:
            found[key] = Grant("", entry, _giver(entry, names))
    return found


def _giver(entry: Entry, names: Mapping[int, str]) -> str:
    """Who was signed in when the role was given; else the login that wrote it."""
    if entry.op == "EXISTING":
        return "before the record began"
    told = entry.told.get("person")
    return names.get(told, f"person {told}") if told else f"no person, login {entry.db_role}"


def _rights_of_roles() -> Mapping[int, tuple[str, ...]]:
    rows = Group.objects.values_list("pk", "permissions__codename", "permissions__name").order_by("permissions__name")
    found: dict[int, list[str]] = {}
    for pk, code, name in rows:
        if code is not None:
            found.setdefault(pk, []).append(f"{code}|{name}")
    return {pk: tuple(names) for pk, names in found.items()}


def _access(
    person: Any,
    granted: Mapping[tuple[int, int], Grant],
    rights: Mapping[int, tuple[str, ...]],
    in_force: list[Delegation],
    wall_at: datetime,
) -> Access:
    groups = sorted(person.groups.all(), key=lambda group: group.name)
    held = {right for group in groups for right in rights.get(group.pk, ())}
    seen = max(filter(None, (person.seen, person.last_login)), default=None)
    grants = []
    for group in groups:
        grant = granted.get((person.pk, group.pk))
        by = grant.by if grant else "not in the record"
        grants.append(Grant(group.name, grant.entry if grant else None, by))
    return Access(
        person=person,
        grants=tuple(grants),
        rights=tuple(sorted({right.split("|", 1)[1] for right in held})),
        last_seen=seen,
        passkeys=person.keys,
        tokens=person.tokens,
        lent=tuple(each for each in in_force if each.delegator_id == person.pk),
        borrowed=tuple(each for each in in_force if each.delegate_id == person.pk),
        findings=tuple(_findings(person, [group.name for group in groups], held, seen, wall_at)),
    )


def _findings(person: Any, roles: list[str], held: set[str], seen: datetime | None, wall_at: datetime) -> Iterable[str]:
    """What a reviewer should ask about."""
    votes = any(right.startswith(f"{VOTE}|") for right in held)
    if votes and "admin" in roles:
        yield "votes and looks after accounts"
    if "auditor" in roles and len(roles) > 1:
        yield "audits what they take part in"
    if person.is_superuser:
        yield "superuser"
    if not person.is_active:
        if roles or person.tokens:
            yield "not active, and still has roles or tokens"
        return
    if not roles:
        yield "active without a role"
    if seen is None:
        yield "never signed in"
    elif (wall_at - seen).days >= LONG_AWAY_DAYS:
        yield f"not signed in for {(wall_at - seen).days} days"
