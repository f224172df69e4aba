"""Act as another database role inside one process.

`scenario` and the tests walk the whole loop in one process; each step still runs with the rights of the process that
would do it, on a connection of that role's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

_connections_by_role: dict[str, Any] = {}


def _connection_of(role: str) -> Any:
    if role not in _connections_by_role:
        wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
        wrapper.settings_dict = {**connections.settings[DEFAULT_DB_ALIAS], **settings.PORTAL_DATABASES[role]}
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
