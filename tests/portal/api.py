"""Speak to the API as a person with a token, and see that nothing was written."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.test import Client

from portal.models import ApiToken, User

API = "/api/v1"


def tokened(user: User) -> Client:
    """A client that sends the person's API token."""
    key = ApiToken.new_key()
    ApiToken.objects.create(user=user, digest=ApiToken.digest_of(key))
    return Client(headers={"Authorization": f"Token {key}"}, raise_request_exception=True)


def row_counts() -> dict[str, int]:
    """Rows of every table but the record's, which follow from the others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'ledger_%' ORDER BY tablename"
        )
        tables = [row[0] for row in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    return counts


def post(client: Client, path: str, body: Any, **more: Any) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(f"{API}/{path}", data=data, content_type="application/json", **more)


def fields_of(answer: Any) -> list[str]:
    """The fields a problem names; checks its form too."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() >= {"type", "title", "status", "detail", "errors"}
    assert body["status"] == answer.status_code
    assert all(error.keys() == {"field", "message"} for error in body["errors"])
    return [error["field"] for error in body["errors"]]
