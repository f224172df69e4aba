"""What a request says of itself stands beside each event; sign-ins, sign-outs and failures are rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from portal.ledger.models import Event
from portal.models import ApiToken, SignIn, User
from tests import factories
from tests.factories import Called
from tests.portal.pages.browsing import person, signed_in

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def olivia() -> User:
    cache.clear()
    factories.drill()
    user = person("olivia", "operator")
    user.set_password(PASSWORD)
    user.save()
    return user


def context_of(source: str) -> dict[str, Any]:
    return json.loads(Event.objects.filter(source=source).order_by("-pk")[0].context)


def freeze_by_token(user: User) -> Any:
    key = ApiToken.new_key()
    ApiToken.objects.create(user=user, digest=ApiToken.digest_of(key))
    return Client().post(
        "/api/v1/freezes",
        {"reason": "storm"},
        content_type="application/json",
        headers={"Authorization": f"Token {key}"},
    )


def test_a_page_names_request_person_and_roles(olivia: User) -> None:
    plan = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    answer = signed_in(olivia).post(
        f"/plans/{plan.pk}/viewed/", {"content_hash": plan.current_version.content_hash, "seconds": 5}
    )
    assert answer.status_code < 400
    assert context_of("planning_planviewing") == {
        "request": answer["X-Request-ID"],
        "person": olivia.pk,
        "known_by": "session",
        "roles": ["operator"],
    }


def test_a_token_is_told_apart_from_a_session(olivia: User) -> None:
    answer = freeze_by_token(olivia)
    assert answer.status_code == 201, answer.content
    found = context_of("planning_freeze")
    assert (found["person"], found["known_by"], found["request"]) == (olivia.pk, "token", answer["X-Request-ID"])


def test_nothing_of_it_is_left_for_the_next_request(olivia: User) -> None:
    freeze_by_token(olivia)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('portal.context', true)")
        assert cursor.fetchone() == ("",)


def test_signing_in_and_out_are_rows(olivia: User) -> None:
    client = Client()
    client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
    client.post("/sign-out/")
    rows = list(SignIn.objects.order_by("pk").values_list("user", "outcome", "tried_name", "address"))
    assert rows == [(olivia.pk, "SIGNED_IN", "", "127.0.0.1"), (olivia.pk, "SIGNED_OUT", "", "127.0.0.1")]


def test_failures_are_rows_without_the_password(olivia: User) -> None:
    client = Client()
    client.post("/sign-in/", {"username": "olivia", "password": "wrong-horse"})
    client.post("/sign-in/", {"username": "nobody", "password": "wrong-horse"})
    rows = list(SignIn.objects.order_by("pk").values_list("user", "outcome", "tried_name"))
    assert rows == [(olivia.pk, "FAILED", ""), (None, "FAILED", "nobody")]
    assert not Event.objects.filter(body__contains="wrong-horse").exists()
    assert not Event.objects.filter(body__contains="nobody").exists()  # names may have to be erased


def test_a_refused_token_is_a_row_now_and_then(olivia: User) -> None:
    for _again in range(3):
        answer = Client().get("/api/v1/plans", headers={"Authorization": "Token wrong"})
        assert answer.status_code == 401
    assert list(SignIn.objects.values_list("user", "outcome")) == [(None, "TOKEN_REFUSED")]


def test_no_secret_is_in_the_record(olivia: User) -> None:
    freeze_by_token(olivia)
    digest = ApiToken.objects.get().digest
    assert not Event.objects.filter(body__contains=digest).exists()
    assert not Event.objects.filter(body__contains=olivia.password).exists()
    assert not Event.objects.filter(body__contains="olivia").exists()
