"""Demo people, their keys, and the demo cohorts. Written by `manage.py seed`; never in live use.

Passwords and API tokens are random and stand only in `credentials.json` (0600) of the data directory; the database
keeps an Argon2 hash and a SHA-256. A person whose line in that file is missing or wrong gets a new password and token.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from cohorts.demo import seed_demo_cohorts
from cohorts.models import Cohort
from portal.models import ApiToken, User

CREDENTIALS_FILE: Final = "credentials.json"
KEY_LABEL: Final = "demo"
PASSWORD_BYTES: Final = 12
SEED_LOCK: Final = 0x5EED  # an advisory lock, so that two seeds at once write one set of secrets

Credentials = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One demo user. Staff see the supervisors' site; nobody is a superuser."""

    username: str
    role: str
    is_staff: bool = False


DEMO_PEOPLE: Final = (
    DemoPerson("operator", "operator"),
    DemoPerson("operator2", "operator"),
    DemoPerson("supervisor", "supervisor", is_staff=True),
    DemoPerson("supervisor2", "supervisor", is_staff=True),
    DemoPerson("auditor", "auditor"),
    DemoPerson("admin", "admin", is_staff=True),
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a run wrote; both empty when everything stood already."""

    people_renewed: tuple[str, ...]
    cohorts_created: tuple[Cohort, ...]
    credentials_path: Path


def seed(*, data_dir: Path, at: dt.datetime, accounts: int | None = None, random_seed: int = 1) -> Seeded:
    """Make sure the demo people and cohorts exist and that credentials.json opens the people's doors. Idempotent.

    Raises cohorts.demo.TooFewAccounts or DemoCohortsHaveOtherAccounts, having written nothing.
    """
    path = data_dir / CREDENTIALS_FILE
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEED_LOCK])
        created = seed_demo_cohorts(at=at, accounts=accounts, random_seed=random_seed)
        present = read_credentials(path)
        renewed = {p.username: _renew(p) for p in DEMO_PEOPLE if not _opens(p, present.get(p.username))}
        if renewed:
            # Before the commit: should it fail, the file does not match and the next run renews it.
            write_credentials(path, {**present, **renewed})
    return Seeded(tuple(renewed), tuple(created), path)


def read_credentials(path: Path) -> Credentials:
    """The users of credentials.json; empty when there is no such file or it is not ours to understand."""
    try:
        users = json.loads(path.read_text())["users"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return users if isinstance(users, dict) else {}


def write_credentials(path: Path, users: Mapping[str, Mapping[str, str]]) -> None:
    """Replace credentials.json in one step; nobody but the owner can ever read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # created 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump({"users": users}, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _opens(person: DemoPerson, entry: Any) -> bool:
    """Whether the file's token is this person's. A token revoked since still counts: revoking is not undone here."""
    if not isinstance(entry, dict) or not all(entry.get(key) for key in ("username", "password", "api_token")):
        return False
    digest = ApiToken.digest_of(str(entry["api_token"]))
    return ApiToken.objects.filter(user__username=person.username, digest=digest).exists()


def _renew(person: DemoPerson) -> dict[str, str]:
    """Create the person, or give them a new password and token; earlier demo tokens are revoked."""
    user, created = User.objects.get_or_create(
        username=person.username, defaults={"is_staff": person.is_staff, "email": f"{person.username}@example.com"}
    )
    if created:
        user.groups.set([Group.objects.get(name=person.role)])
    password, key = secrets.token_urlsafe(PASSWORD_BYTES), ApiToken.new_key()
    user.set_password(password)
    user.save(update_fields=["password"])
    ApiToken.objects.filter(user=user, label=KEY_LABEL, revoked_at=None).update(revoked_at=timezone.now())
    ApiToken.objects.create(user=user, label=KEY_LABEL, digest=ApiToken.digest_of(key))
    return {"username": person.username, "password": password, "api_token": key}
