"""All rows about plans, decisions and signals at a glance: to see that a refusal changed nothing."""

from __future__ import annotations

from django.db import connection

# A refusal is itself on record: its table is looked at apart.
APART = {"planning_planrefusal"}


def rows_of_everything() -> dict[str, tuple[int, str]]:
    """Count and hash of the rows of every table of planning, dispatch, people's roles and the queue, by table."""
    with connection.cursor() as cursor:
        cursor.execute(_query())
        return {table: (count, digest) for table, count, digest in cursor.fetchall()}


_queries: list[str] = []


def _query() -> str:
    if not _queries:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND"
                " (tablename LIKE 'planning\\_%' OR tablename LIKE 'dispatch\\_%' OR tablename IN"
                " ('django_q_ormq', 'portal_user_groups', 'grid_clockchange')) ORDER BY tablename"
            )
            tables = [name for (name,) in cursor.fetchall() if name not in APART]
        _queries.append(
            " UNION ALL ".join(
                f"SELECT '{table}', count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM {table} t"
                for table in tables
            )
        )
    return _queries[0]
