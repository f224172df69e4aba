"""The login roles and databases of an embedded PostgreSQL, made by its superuser. No Django.

Rights on tables are not given here: portal/fence.py holds them for embedded and outside servers alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

ROLES = ("web", "worker", "dispatch", "owner")
SUPERUSER = "superuser"

_INSIDE_DATABASE = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER SCHEMA public OWNER TO portal_owner",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO portal_web, portal_worker, portal_dispatch",
)


def login_name(role: str) -> str:
    """The PostgreSQL login of web, worker, dispatch, owner or superuser."""
    return "postgres" if role == SUPERUSER else f"portal_{role}"


def create_missing_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Make the four login roles; existing ones are left alone."""
    present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for role in ROLES:
        name = login_name(role)
        if name in present:
            continue
        # The verifier is computed here, so that the password itself never stands in a statement or a log.
        verifier = connection.pgconn.encrypt_password(passwords[role].encode(), name.encode(), b"scram-sha-256")
        rights = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
        connection.execute(
            sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                sql.Identifier(name), rights, sql.Literal(verifier.decode())
            )
        )


def database_exists(connection: psycopg.Connection, database: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def create_database(connection: psycopg.Connection, database: str, template: str = "template1") -> None:
    """Make a database of the owner's that only the portal's roles may enter."""
    name = sql.Identifier(database)
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER portal_owner TEMPLATE {}").format(name, sql.Identifier(template))
    )


def furnish_database(connection: psycopg.Connection, database: str) -> None:
    """Give the roles their way in, the owner the schema, and the database its extension. Idempotent."""
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO portal_web, portal_worker, portal_dispatch").format(name)
    )
    for statement in _INSIDE_DATABASE:
        connection.execute(statement)


def drop_database(connection: psycopg.Connection, database: str) -> None:
    """Remove a database, cutting the sessions in it."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
