"""Open pages as a role, and read them as a person does."""

from __future__ import annotations

import html
import re
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from portal.models import User


def person(username: str, *roles: str) -> User:
    """Somebody who never types a password: hashing one takes long."""
    found = User.objects.create(username=username)
    found.groups.set(Group.objects.filter(name__in=roles))
    return found


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def as_(role: str) -> Client:
    return signed_in(person(f"one-{role}", role))


def text_of(answer: Any) -> str:
    """The page as read."""
    return plain(answer.content.decode())


def plain(body: str) -> str:
    """HTML as read: no tags (a `<time>` stands within its sentence), entities and white space resolved."""
    body = html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?time\b[^>]*>", "", body)))
    return re.sub(r"\s+", " ", body.replace("\N{NO-BREAK SPACE}", " ")).strip()


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', answer.content.decode())
    assert found is not None
    return found.group(1)
