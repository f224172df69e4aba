"""Every address of the portal, and which role it answers: nothing is served that does not stand in this table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import get_resolver

from grid import clock
from planning.models import Plan
from portal.roles import ROLES
from tests.planning import builders
from tests.planning.builders import pending_plan

PUBLIC = None  # answers without a sign-in


class Endpoint(NamedTuple):
    """How an address is asked, and the right it needs."""

    method: str
    right: str | None
    anonymous: int  # what nobody gets


def api(right: str | None, method: str = "GET") -> Endpoint:
    return Endpoint(method, right, 401)


def page(right: str | None, method: str = "GET") -> Endpoint:
    return Endpoint(method, right, 302)


ENDPOINTS: dict[str, list[Endpoint]] = {
    "healthz": [Endpoint("GET", PUBLIC, 200)],
    "readyz": [Endpoint("GET", PUBLIC, 503)],
    "api/v1/context/ercot/current": [api("grid.view_snapshot")],
    "api/v1/context/ercot/forecast": [api("grid.view_snapshot")],
    "api/v1/context/weather/<str:zip_code>": [api("grid.view_snapshot")],
    "api/v1/context/clock": [api("grid.view_snapshot"), api("grid.control_clock", "POST")],
    "api/v1/cohorts": [api("cohorts.view_cohort"), api("cohorts.add_cohort", "POST")],
    "api/v1/cohorts/<int:cohort_id>": [api("cohorts.view_cohort"), api("cohorts.change_cohort", "PATCH")],
    "api/v1/cohorts/<int:cohort_id>/flexibility": [api("cohorts.view_cohort")],
    "api/v1/plans": [api("planning.view_plan")],
    "api/v1/plans/propose": [api("planning.propose_plan", "POST")],
    "api/v1/plans/<str:plan_id>": [api("planning.view_plan")],
    "api/v1/plans/<str:plan_id>/status": [api("planning.view_plan")],
    "api/v1/plans/<str:plan_id>/approve": [api("planning.approve_plan", "POST")],
    "api/v1/plans/<str:plan_id>/reject": [api("planning.reject_plan", "POST")],
    "api/v1/plans/<str:plan_id>/edit": [api("planning.edit_plan", "POST")],
    "api/v1/plans/<str:plan_id>/abort": [api("planning.abort_plan", "POST")],
    "api/v1/plans/<str:plan_id>/result": [api("dispatch.view_signal")],
    "api/v1/plans/<str:plan_id>/challenge": [api("planning.approve_plan", "POST")],
    "api/v1/plans/<str:plan_id>/estimate": [api("planning.approve_plan", "POST")],
    "api/v1/plans/<str:plan_id>/drift": [api("planning.view_plan")],
    "api/v1/plans/<str:plan_id>/break-glass": [api("planning.break_glass", "POST")],
    "api/v1/plans/<str:plan_id>/comments": [api("planning.view_plan"), api("planning.reject_plan", "POST")],
    "api/v1/comments/<str:number>/resolve": [api("planning.reject_plan", "POST")],
    "api/v1/break-glass": [api("planning.view_plan")],
    "api/v1/break-glass/<str:number>/review": [api("planning.review_break_glass", "POST")],
    "api/v1/freezes": [api("planning.view_plan"), api("planning.freeze_sending", "POST")],
    "api/v1/freezes/<str:number>/lift": [api("planning.lift_freeze", "POST")],
    "api/v1/delegations": [api("planning.view_plan"), api("planning.delegate_vote", "POST")],
    "api/v1/delegations/<str:number>/end": [api("planning.view_plan", "POST")],
    "api/v1/approval-policies": [api("planning.view_plan"), api("planning.change_policy", "POST")],
    "api/v1/approval-policies/<str:number>/confirm": [api("planning.change_policy", "POST")],
    "api/v1/passkeys": [api("planning.view_plan"), api("planning.view_plan", "POST")],
    "api/v1/passkeys/challenge": [api("planning.view_plan", "POST")],
    "api/v1/passkeys/proof": [api("planning.view_plan", "POST")],
    "api/v1/passkeys/<str:number>/end": [api("planning.view_plan", "POST")],
    "api/v1/approvals": [api("planning.view_plan")],
    "api/v1/signals": [api("dispatch.view_signal")],
    "api/v1/schema": [Endpoint("GET", PUBLIC, 200)],
    "api/v1/docs": [Endpoint("GET", PUBLIC, 200)],
    "": [page("grid.view_snapshot")],
    "plans/<int:plan_id>/estimate/": [page("planning.approve_plan")],
    "plans/<int:plan_id>/viewed/": [page("planning.view_plan", "POST")],
    "plans/<int:plan_id>/force/": [page("planning.break_glass")],
    "plans/<int:plan_id>/challenge/": [page("planning.view_plan", "POST")],
    "plans/<int:plan_id>/comments/": [page("planning.view_plan", "POST")],
    "comments/<int:number>/resolve/": [page("planning.view_plan", "POST")],
    "rules/": [page("planning.view_plan")],
    "rules/freeze/": [page("planning.freeze_sending", "POST")],
    "rules/freeze/<int:number>/lift/": [page("planning.lift_freeze", "POST")],
    "rules/delegate/": [page("planning.delegate_vote", "POST")],
    "rules/delegations/<int:number>/end/": [page("planning.view_plan", "POST")],
    "rules/policy/": [page("planning.change_policy")],
    "rules/policy/<int:number>/confirm/": [page("planning.change_policy", "POST")],
    "break-glass/": [page("planning.view_plan")],
    "break-glass/<int:number>/review/": [page("planning.review_break_glass")],
    "oversight/": [page("planning.view_oversight")],
    "record/state/": [page("ledger.view_verification")],
    "record/verify/": [page("ledger.add_verification", "POST")],
    "record/export/": [page("ledger.export_record")],
    "record/release/<int:number>/": [page("ledger.add_holdrelease", "POST")],
    "passkeys/": [page("planning.view_plan")],
    "passkeys/challenge/": [page("planning.view_plan", "POST")],
    "passkeys/proof/": [page("planning.view_plan", "POST")],
    "passkeys/<int:number>/end/": [page("planning.view_plan", "POST")],
    "grid/": [page("grid.view_snapshot")],
    "frame/": [page("grid.view_snapshot")],
    "sign-in/": [Endpoint("GET", PUBLIC, 200)],
    "sign-in/stay/": [page("grid.view_snapshot", "POST")],
    "sign-out/": [Endpoint("POST", PUBLIC, 302)],
    "plans/": [page("planning.view_plan")],
    "plans/new/": [page("planning.propose_plan")],
    "plans/<int:plan_id>/": [page("planning.view_plan")],
    "plans/<int:plan_id>/evidence/": [page("planning.view_plan")],
    "plans/<int:plan_id>/evidence.json": [page("planning.view_plan")],
    "plans/<int:plan_id>/evidence.pdf": [page("planning.view_plan")],
    "plans/<int:plan_id>/evidence/<int:seq>/": [page("planning.view_plan")],
    "record/": [page("ledger.view_event")],
    "record/access/": [page("portal.review_access")],
    "record/break-glass/": [page("portal.review_access")],
    "plans/<int:plan_id>/approve/": [page("planning.approve_plan")],
    "plans/<int:plan_id>/reject/": [page("planning.reject_plan")],
    "plans/<int:plan_id>/edit/": [page("planning.edit_plan")],
    "plans/<int:plan_id>/abort/": [page("planning.abort_plan")],
    "events/": [page("dispatch.view_signal")],
    "events/<int:plan_id>/": [page("dispatch.view_signal")],
    "cohorts/": [page("cohorts.view_cohort")],
    "cohorts/<int:cohort_id>/": [page("cohorts.view_cohort")],
    "history/": [page("planning.view_plan")],
    "signals/": [page("dispatch.view_signal")],
    "clock/": [page("grid.view_snapshot")],
    "keys/": [page("grid.view_snapshot")],
    "styleguide/": [page("grid.view_snapshot")],
    "preferences/": [Endpoint("POST", PUBLIC, 302)],
    "clock/<str:action>/": [page("grid.control_clock", "POST")],
}
NOWHERE = "api/v1/^.*$"  # the 404 of every other API path
BODIES = {"api/v1/context/clock": '{"action": "pause"}', "api/v1/passkeys/challenge": '{"password": "petra"}'}
FORMS = {"passkeys/challenge/": {"password": "petra"}}
SAMPLES = {
    "plan_id": "{plan}",
    "cohort_id": "{cohort}",
    "zip_code": "77002",
    "number": "987654321",
    "seq": "987654321",
    "action": "pause",
}
CASES = [(route, endpoint) for route, endpoints in ENDPOINTS.items() for endpoint in endpoints]
NAMES = [f"{endpoint.method} /{route}" for route, endpoint in CASES]


def routes(resolver: Any, prefix: str = "") -> Iterator[str]:
    """Every pattern of the URLconf, joined."""
    for pattern in resolver.url_patterns:
        joined = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, joined)
        else:
            yield joined


@pytest.fixture
def plan(db: None) -> Plan:
    """Asked for by nobody in the matrix, so that every role may try."""
    asker = builders.person("olivia", "operator")
    return pending_plan(asker, builders.cohort(), approve_by=clock.now() + timedelta(minutes=30))


def ask(client: Client, route: str, endpoint: Endpoint, plan: Plan) -> int:
    path = "/" + re.sub(r"<\w+:(\w+)>", lambda match: SAMPLES[match.group(1)], route)
    path = path.format(plan=plan.pk, cohort=plan.current_version.events.get().cohort_id)
    options: dict[str, Any] = {}
    if endpoint.method != "GET" and route.startswith("api/"):
        options = {"data": BODIES.get(route, "{}"), "content_type": "application/json"}
    if route in FORMS:
        return client.post(path, FORMS[route]).status_code
    return client.generic(endpoint.method, path, **options).status_code


class TestEveryAddress:
    def test_stands_in_the_table(self) -> None:
        served = {route for route in routes(get_resolver()) if not route.startswith("admin/")}
        assert served == ENDPOINTS.keys() | {NOWHERE}

    @pytest.mark.parametrize(("route", "endpoint"), CASES, ids=NAMES)
    def test_anonymous(self, route: str, endpoint: Endpoint, plan: Plan) -> None:
        assert ask(Client(), route, endpoint, plan) == endpoint.anonymous

    @pytest.mark.parametrize("role", [*ROLES, None])
    @pytest.mark.parametrize(("route", "endpoint"), CASES, ids=NAMES)
    def test_role(self, route: str, endpoint: Endpoint, role: str | None, plan: Plan) -> None:
        client = Client()
        password = "petra" if "passkeys/challenge" in route else None
        client.force_login(builders.person("petra", *([role] if role else []), password=password))
        status = ask(client, route, endpoint, plan)
        allowed = endpoint.right is PUBLIC or endpoint.right in ROLES.get(role or "", ())
        assert (status not in {401, 403}) == allowed, status
        assert status < 500 or route == "readyz"


class TestElsewhere:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_an_unknown_api_path_is_a_problem(self, method: str, db: None) -> None:
        client = Client()
        assert client.generic(method, "/api/v1/nothing/here").status_code == 401
        client.force_login(builders.person("ada", "auditor"))
        answer = client.generic(method, "/api/v1/nothing/here")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert answer.json()["detail"] == "There is nothing at /api/v1/nothing/here."

    @pytest.mark.parametrize(
        ("method", "path"), [("DELETE", "plans"), ("GET", "plans/propose"), ("PUT", "plans/1"), ("POST", "signals")]
    )
    def test_another_method_is_a_problem(self, method: str, path: str, db: None) -> None:
        client = Client()
        client.force_login(builders.person("sam", "supervisor"))
        answer = client.generic(method, f"/api/v1/{path}")
        assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
        assert answer["Allow"]

    def test_an_error_nobody_expected_is_a_problem_too(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("planning.api.views.plans", lambda: 1 / 0)
        client = Client(raise_request_exception=False)
        client.force_login(builders.person("ada", "auditor"))
        answer = client.get("/api/v1/plans")
        assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
        assert "ZeroDivisionError" not in answer.content.decode()


def admin_routes() -> list[str]:
    found = (route for route in routes(get_resolver()) if route.startswith("admin/"))
    # Django's catch-all and its list of apps are patterns, the others paths.
    return sorted({re.sub(r"<[^>]+>", "1", route) for route in found if "^" not in route and "$" not in route})


class TestAdmin:
    def test_there_is_one(self) -> None:
        assert len(admin_routes()) > 50

    def test_no_address_answers_without_a_staff_account(self, db: None) -> None:
        nobody, supervisor = Client(), Client()
        supervisor.force_login(builders.person("sam", "supervisor"))  # the role, but not staff
        for route in admin_routes():
            answer = nobody.get(f"/{route}", follow=True)
            assert answer.redirect_chain[-1][0].startswith("/sign-in/"), route
            if route not in {"admin/logout/"}:
                assert supervisor.get(f"/{route}", follow=True).status_code in {403, 405}, route


class TestDocs:
    def test_are_served_by_us_without_inline_script(self, db: None) -> None:
        client = Client()
        answer = client.get("/api/v1/docs")
        page, policy = answer.content.decode(), answer["Content-Security-Policy"]
        assert "script-src 'self';" in f"{policy};"
        assert re.findall(r"<script(?![^>]*src=)", page) == []
        links = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert links
        assert all(link.startswith("/") for link in links)
        script = client.get("/api/v1/docs?script=")
        assert (script.status_code, script["Content-Type"].split(";")[0]) == (200, "application/javascript")
        assert "/api/v1/schema" in script.content.decode()

    def test_they_allow_inline_style_no_more_than_others_do(self, db: None) -> None:
        client = Client()
        for path in ("/api/v1/docs", "/sign-in/", "/api/v1/plans"):
            assert "unsafe-inline" not in client.get(path)["Content-Security-Policy"]
        assert "<style" not in client.get("/api/v1/docs").content.decode()
