"""The environment, read once: every missing or wrong value is reported at once, in words.

Nothing here imports Django, so that the process supervisor can use it too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROLES = ("web", "worker", "dispatch", "owner")
URL_VARIABLES: Mapping[str, str] = {
    "web": "DATABASE_URL",
    "worker": "WORKER_DATABASE_URL",
    "dispatch": "DISPATCH_DATABASE_URL",
    "owner": "OWNER_DATABASE_URL",
}
RETENTION_DAYS = 2557  # seven years
LEAST_RETENTION_DAYS = 1096  # three
INSECURE_KEY = "insecure-key-for-checks-only"
WEB_STATEMENT_TIMEOUT = "15s"
"""PostgreSQL ends a page's statement after this: the page says that the database does not answer, and its thread is
free for the next one. What the other processes do may take longer."""


class EnvironmentInvalid(Exception):
    """One or more environment values are missing or wrong; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The environment is not usable:\n" + "\n".join(f"  - {line}" for line in problems))


def require_secret_key(secret_key: str) -> None:
    """What serves or works must have a key of its own: sessions and queued tasks are signed with it.

    Raises EnvironmentInvalid when it is the one for checks, which anybody can read here.
    """
    if secret_key == INSECURE_KEY:
        raise EnvironmentInvalid(
            ["PORTAL_SECRET_KEY is not set, and the data directory has no secret_key (`manage.py up` makes one)."]
        )


def parse_database_url(url: str) -> dict[str, object]:
    """A Django DATABASES entry from `postgresql://user:password@host:port/name?host=/socket/folder`.

    Raises ValueError with a sentence when the URL is not one of a PostgreSQL database.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("must begin with postgresql://")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ValueError("names no database (postgresql://user:password@host/NAME)")
    host = query.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(query),
    }


@dataclass(frozen=True)
class Mail:
    """How messages go out; `backend` is one of Django's (`dummy`: none does)."""

    backend: str = "dummy"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    tls: bool = False
    ssl: bool = False
    sender: str = "portal@localhost"


def parse_mail_url(url: str, sender: str) -> Mail:
    """`smtp://[user:password@]host[:port]`, `smtp+tls://…` (STARTTLS), `smtps://…`, `console:`; empty: no mail.

    Raises ValueError with a sentence.
    """
    parts = urlsplit(url)
    if not url:
        return Mail(sender=sender)
    if parts.scheme == "console":
        return Mail("console", sender=sender)
    usual = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in usual or not parts.hostname:
        raise ValueError("must be smtp://HOST, smtp+tls://USER:PASSWORD@HOST:PORT, smtps://… or console:")
    return Mail(
        "smtp",
        parts.hostname,
        parts.port or usual[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        tls=parts.scheme == "smtp+tls",
        ssl=parts.scheme == "smtps",
        sender=sender,
    )


@dataclass(frozen=True)
class Record:
    """Where the record's key and its checkpoints' copies are, what a failed verification means, how long it is kept."""

    key: Path = Path("ledger/checkpoint.key")
    copies: Path = Path("ledger/checkpoints")
    publish: str = ""
    holds: bool = True
    retention_days: int = RETENTION_DAYS
    retention_short: bool = False


@dataclass(frozen=True)
class Environment:
    """What the process was started with."""

    role: str
    data_dir: Path
    secret_key: str
    debug: bool
    allowed_hosts: tuple[str, ...]
    simulation_seed: int = 1
    databases: Mapping[str, dict[str, object]] = field(default_factory=dict)
    record: Record = Record()
    mail: Mail = Mail()
    public_url: str = "http://localhost:8000"

    @property
    def database(self) -> dict[str, object]:
        """The settings of the connection this process uses."""
        entry = self.databases[self.role]
        return _with_statement_timeout(entry) if self.role == "web" else entry

    @property
    def database_users(self) -> Mapping[str, str]:
        """PostgreSQL login name by role, as far as this process was told."""
        return {role: str(entry["USER"]) for role, entry in self.databases.items()}


def _with_statement_timeout(entry: Mapping[str, Any]) -> dict[str, object]:
    given = entry["OPTIONS"]
    options = f"{given.get('options', '')} -c statement_timeout={WEB_STATEMENT_TIMEOUT}".strip()
    return {**entry, "OPTIONS": {**given, "options": options}}


def read_environment(environ: Mapping[str, str] = os.environ) -> Environment:
    """Read and check everything; raises EnvironmentInvalid naming every problem."""
    problems: list[str] = []
    role = environ.get("PORTAL_ROLE", "web")
    if role not in ROLES:
        problems.append(f"PORTAL_ROLE is {role!r}; it must be one of {', '.join(ROLES)}.")
        role = "web"
    data_dir = Path(environ.get("PORTAL_DATA_DIR", ".data")).absolute()
    databases = _databases(environ, data_dir, role, problems)
    secret = environ.get("PORTAL_SECRET_KEY") or _file_text(data_dir / "secret_key") or INSECURE_KEY
    hosts = tuple(h for h in environ.get("PORTAL_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if h)
    seed = environ.get("PORTAL_SIMULATION_SEED", "1")
    if not seed.isdecimal():
        problems.append(f"PORTAL_SIMULATION_SEED is {seed!r}; it must be a whole number.")
    mail = _mail(environ, problems)
    record = _record(environ, data_dir, problems)
    if problems:
        raise EnvironmentInvalid(problems)
    debug = environ.get("PORTAL_DEBUG", "") == "1"
    public_url = environ.get("PORTAL_PUBLIC_URL", "http://localhost:8000").rstrip("/")
    return Environment(role, data_dir, secret, debug, hosts, int(seed), databases, record, mail, public_url)


def _mail(environ: Mapping[str, str], problems: list[str]) -> Mail:
    try:
        return parse_mail_url(environ.get("PORTAL_MAIL_URL", ""), environ.get("PORTAL_MAIL_FROM", "portal@localhost"))
    except ValueError as error:
        problems.append(f"PORTAL_MAIL_URL {error}.")
        return Mail()


def _record(environ: Mapping[str, str], data_dir: Path, problems: list[str]) -> Record:
    folder = data_dir / "ledger"
    days, short = _retention(environ, problems)
    return Record(
        key=Path(environ.get("PORTAL_LEDGER_KEY") or folder / "checkpoint.key").absolute(),
        copies=Path(environ.get("PORTAL_LEDGER_COPIES") or folder / "checkpoints").absolute(),
        publish=environ.get("PORTAL_LEDGER_PUBLISH", ""),
        holds=environ.get("PORTAL_LEDGER_HOLDS", "1") != "0",
        retention_days=days,
        retention_short=short,
    )


def _retention(environ: Mapping[str, str], problems: list[str]) -> tuple[int, bool]:
    """For how many days the record is kept, and whether that may be less than three years (demonstrations only)."""
    text, short = (
        environ.get("PORTAL_RETENTION_DAYS", str(RETENTION_DAYS)),
        environ.get("PORTAL_RETENTION_SHORT") == "1",
    )
    if not text.isdecimal():
        problems.append(f"PORTAL_RETENTION_DAYS is {text!r}; it must be a whole number of days.")
        return RETENTION_DAYS, short
    if int(text) < LEAST_RETENTION_DAYS and not short:
        problems.append(
            f"PORTAL_RETENTION_DAYS is {text}; below {LEAST_RETENTION_DAYS} needs PORTAL_RETENTION_SHORT=1."
        )
    return int(text), short


def _databases(
    environ: Mapping[str, str], data_dir: Path, role: str, problems: list[str]
) -> dict[str, dict[str, object]]:
    urls = {r: environ[v] for r, v in URL_VARIABLES.items() if environ.get(v)}
    if not urls:
        urls = _urls_of_data_dir(data_dir, problems)
    if not urls:
        # Commands that need no database (check, makemigrations, spectacular) still load the settings.
        urls = dict.fromkeys(ROLES, "postgresql:///portal")
    fallback = urls.get("web") or urls.get(role)
    entries: dict[str, dict[str, object]] = {}
    for name in ROLES:
        url = urls.get(name, fallback if name == role or urls.get("web") else None)
        if url is None:
            continue
        try:
            entries[name] = parse_database_url(url)
        except ValueError as error:
            problems.append(f"{URL_VARIABLES[name]} {error}.")
    if role not in entries and not problems:
        problems.append(f"{URL_VARIABLES[role]} is not set.")
    return entries


def _urls_of_data_dir(data_dir: Path, problems: list[str]) -> dict[str, str]:
    text = _file_text(data_dir / "database_urls.json")
    if not text:
        return {}
    try:
        urls = json.loads(text)
    except ValueError as error:
        problems.append(f"{data_dir / 'database_urls.json'} is not JSON: {error}.")
        return {}
    return {role: url for role, url in urls.items() if role in ROLES}


def _file_text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
