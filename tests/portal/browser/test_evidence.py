"""An auditor's five questions about a whole event, answered on one page: proposed, edited, approved, sent, measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from portal.ledger.core.chain import ORIGIN, Sealed, link_hash
from tests.driving import Drill
from tests.portal.browser.conftest import a_demo
from tests.portal.browser.looking import PHONE
from tests.portal.browser.test_approval import approve, enrol, with_authenticator

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
COHORTS = ("residential-standard-dallas", "commercial-hvac-austin-south")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """A demo of its own: nobody in it has a passkey yet."""
    with a_demo(tmp_path_factory.mktemp("audited")) as drill:
        drill.reject(drill.agents_plan())
        drill.clock("pause")
        yield drill


def whole_event(drill: Drill, open_page: OpenPage) -> int:
    """Asked for, commented on, changed, refused to who asked, approved by two passkeys, sent, measured."""
    plan_id = drill.propose(*COHORTS, target_mw=6)
    first = drill.status(plan_id)["content_hash"]
    drill.post(f"plans/{plan_id}/comments", "operator2", {"content_hash": first, "text": "Is Austin not hotter?"})
    with pytest.raises(AssertionError, match="403"):
        drill.approve(plan_id, "operator")
    change = {"content_hash": first, "reason": "less from the offices", "target_mw": 5}
    drill.post(f"plans/{plan_id}/edit", "operator", change)
    drill.wait_for(plan_id, "PENDING")
    for who, words, after in (
        ("operator2", "the reserves are low", f"Plan {plan_id} still needs"),
        ("supervisor", "read and agreed", f"Plan {plan_id} is approved"),
    ):
        page = with_authenticator(open_page(drill, who))
        enrol(page, drill, who)
        page.goto(f"/plans/{plan_id}/evidence/")
        assert "opens for you once you have voted" in page.inner_text("main")
        page.goto(f"/plans/{plan_id}/")
        page.wait_for_timeout(1500)  # in sight long enough to be noted
        approve(page, plan_id, words)
        page.wait_for_selector(f"#said :text('{after}')")
    drill.run_until(plan_id, "COMPLETED")
    drill.run_to(drill.now() + timedelta(minutes=20))
    return plan_id


def section(page: Any, key: str) -> str:
    return " ".join(page.inner_text(f"#{key}").split())


def test_five_questions_on_one_page(audited: Drill, open_page: OpenPage) -> None:
    plan_id = whole_event(audited, open_page)
    page = open_page(audited, "auditor", java_script_enabled=False)
    page.goto(f"/plans/{plan_id}/")
    page.click("text=Evidence of this plan")
    assert "unbroken" in section(page, "verified")

    knew = section(page, "knew")
    assert "Version 2 rested on grid data" in knew
    assert "Load forecast, peak of the window" in knew
    assert "do nothing" in knew
    assert "“Is Austin not hotter?”" in knew
    assert "Target, MW 6.0 5.0" in knew
    looked = section(page, "viewings")
    assert "operator2 version 2" in looked
    assert "supervisor version 2" in looked

    decided = section(page, "decided")
    assert "Version 2 was approved by operator2 (passkey) and supervisor (passkey)." in decided
    assert "operator approve You asked for this plan" in decided
    assert "edited after the proposal" in decided
    page.click("#votes summary >> nth=0")
    assert "Checked now with the recorded key: the signature holds" in section(page, "votes")

    sent = section(page, "sent")
    assert "2 OpenADR events went out; 0 were written and not sent." in sent
    assert sent.count("(as approved)") == 2
    page.click("#bytes summary >> nth=0")
    assert '"DISPATCH_SETPOINT_RELATIVE"' in section(page, "bytes")

    whom = section(page, "whom")
    for cohort in COHORTS:
        assert f"ven-{cohort} (simulated)" in whom
    assert "2 of 2 were received" in whom

    back = section(page, "back")
    assert "MW delivered on average" in back
    assert "opted out" in back


def test_downloads_and_the_phone(audited: Drill, open_page: OpenPage) -> None:
    plan_id = max(audited.plans("COMPLETED"))
    page = open_page(audited, "auditor", viewport=PHONE)
    page.goto(f"/plans/{plan_id}/evidence/")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    with page.expect_download() as taken:
        page.click("main a:has-text('JSON')")
    pack = json.loads(taken.value.path().read_text())
    before = ORIGIN.hex()
    for event in pack["events"]:
        fields = {name: event[name] for name in Sealed._fields} | {"prev": bytes.fromhex(event["prev"])}
        assert event["prev"] == before
        before = link_hash(Sealed(**fields)).hex()
        assert event["hash"] == before
    with page.expect_download() as taken:
        page.click("main a:has-text('PDF')")
    assert taken.value.path().read_bytes().startswith(b"%PDF-")


def test_the_record_finds_the_vote_of_a_person(audited: Drill, open_page: OpenPage) -> None:
    page = open_page(audited, "auditor")
    page.goto("/")
    page.click("nav a:has-text('Record')")
    page.select_option("select[name=person]", label="operator2")
    page.select_option("select[name=kind]", value="planning_vote")
    page.click("main button:has-text('Search')")
    assert "operator2 approved (passkey): “the reserves are low”" in page.inner_text("main")
