"""Act as another database role inside one process.

`scenario` and the tests walk the whole loop in one process; each step still runs with the rights of the process that
would do it, on a connection of that role's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from portal.environment import parse_database_url

_connections_by_role: dict[str, Any] = {}


def use_databases(urls: Mapping[str, str]) -> None:
    """Point this process at other databases, by role. Only for commands that bring a server of their own."""
    close_all()
    entries = {role: parse_database_url(url) for role, url in urls.items()}
    settings.PORTAL_DATABASES = entries
    settings.PORTAL_DATABASE_USERS = {role: str(entry["USER"]) for role, entry in entries.items()}


def _connection_of(role: str) -> Any:
    if role not in _connections_by_role:
        wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
        wrapper.settings_dict = {**wrapper.settings_dict, **settings.PORTAL_DATABASES[role]}
        _connections_by_role[role] = wrapper
    return _connections_by_role[role]


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Swap the `default` connection for one of `role` (web, worker, dispatch or owner) while the block runs."""
    before = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = _connection_of(role)
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before


def close_all() -> None:
    """Close the connections opened here (end of a command, end of a test database)."""
    for wrapper in _connections_by_role.values():
        wrapper.close()
    _connections_by_role.clear()
