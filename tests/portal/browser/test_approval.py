"""Approval in Chromium, with a virtual authenticator where a passkey is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.driving import Drill

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]


def with_authenticator(page: Any) -> Any:
    """The page, its browser holding a device that answers every passkey prompt at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def enrol(page: Any, drill: Drill, who: str) -> None:
    """A first key, with the password; a wrong one is told and enrols nothing."""
    page.goto("/passkeys/")
    page.fill("input[name=password]", "a guess")
    page.click("main button:has-text('Enrol')")
    page.wait_for_selector("[data-passkey-words]:has-text('The password is not right.')")
    page.fill("input[name=password]", drill.portal.credentials[who]["password"])
    page.click("main button:has-text('Enrol')")
    page.wait_for_selector("#said :text('is enrolled')")


def say_estimate(page: Any, plan_id: int, mw: str) -> None:
    """High tiers: the plan's page asks for one's own number first and shows none before."""
    page.goto(f"/plans/{plan_id}/")
    page.wait_for_url(f"**/plans/{plan_id}/estimate/")
    assert "Planned" not in page.inner_text("main")
    page.fill("input[name=mw]", mw)
    page.click("main button:has-text('Record my estimate')")
    page.wait_for_selector(f"#said :text('you said {mw}')")


def approve(page: Any, plan_id: int, reason: str) -> None:
    page.goto(f"/plans/{plan_id}/approve/")
    page.fill("textarea[name=reason]", reason)
    page.click("main button:has-text('Approve')")


def in_database(drill: Drill, sql: str, *params: Any) -> list[Any]:
    """Ask the demo's database as its owner; stands for the world outside that changes."""
    url = json.loads((drill.portal.data_dir / "database_urls.json").read_text())["owner"]
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def test_the_tier_of_one_person_asks_for_nothing_more(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose(target_mw=6)
    page = open_page(workshop, "operator2")
    page.goto(f"/plans/{plan_id}/approve/")
    assert "1 person" in page.inner_text("main")
    assert page.locator("input[name=password]").count() == 0
    page.click("main button:has-text('Approve')")
    page.wait_for_selector(f"#said :text('Plan {plan_id} is approved')")
    workshop.abort(plan_id)


def test_two_people_with_passkeys_in_two_browsers(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose(target_mw=6, strategy="emergency")
    people = ("operator2", "supervisor")
    first, second = (with_authenticator(open_page(workshop, who)) for who in people)
    for page, who in zip((first, second), people, strict=True):
        enrol(page, workshop, who)
        say_estimate(page, plan_id, "7.5")
    approve(first, plan_id, "the reserves are low")
    first.wait_for_selector(f"#said :text('Plan {plan_id} still needs')")

    second.goto(f"/plans/{plan_id}/")
    assert "the reserves are low" not in second.inner_text("main")
    approve(second, plan_id, "read and agreed")
    second.wait_for_selector(f"#said :text('Plan {plan_id} is approved')")
    assert "operator2 approved version 1 with passkey" in second.inner_text("main")
    votes = in_database(
        workshop,
        "SELECT v.step_up, length(a.signature) > 60 FROM planning_vote v"
        " JOIN planning_planversion p ON p.id = v.version_id"
        " JOIN planning_voteassertion a ON a.vote_id = v.id WHERE p.plan_id = %s",
        plan_id,
    )
    assert votes == [("PASSKEY", True)] * 2
    workshop.abort(plan_id)


def test_a_stale_page_is_told_what_differs_and_keeps_the_words(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose(target_mw=6)
    page = open_page(workshop, "supervisor")
    page.goto(f"/plans/{plan_id}/approve/")
    page.fill("textarea[name=reason]", "these very words")
    before = workshop.status(plan_id)
    change = {"content_hash": before["content_hash"], "reason": "less", "target_mw": 4}
    workshop.post(f"plans/{plan_id}/edit", "operator", change)
    workshop.wait_for(plan_id, "PENDING")
    page.click("main button:has-text('Approve')")
    page.wait_for_selector("main [role=alert]:has-text('moved on to version 2')")
    assert "Target, MW" in page.inner_text("main [role=alert]")
    assert page.input_value("textarea[name=reason]") == "these very words"
    assert workshop.status(plan_id)["approvals"] == 0
    workshop.reject(plan_id)


def test_what_has_moved_too_far_cannot_be_approved(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose("commercial-lighting-houston", target_mw=2)
    away = (
        "UPDATE cohorts_account SET status = %s WHERE number %% 2 = 0 AND cohort_id ="
        " (SELECT id FROM cohorts_cohort WHERE slug = 'commercial-lighting-houston')"
    )
    in_database(workshop, away, "UNENROLLED")
    try:
        page = open_page(workshop, "supervisor")
        page.goto(f"/plans/{plan_id}/")
        assert "moved too far" in page.inner_text("#drift")
        assert page.locator("main a:has-text('Approve...')").count() == 0
        page.goto(f"/plans/{plan_id}/approve/")
        assert "You cannot approve it: too much has moved since the proposal" in page.inner_text("main")
        assert page.locator("main form[method=post]").count() == 0
        assert workshop.status(plan_id)["approvals"] == 0
    finally:
        in_database(workshop, away, "ENROLLED")
        workshop.reject(plan_id)


def test_break_glass_and_its_review(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose(target_mw=25)
    page = with_authenticator(open_page(workshop, "supervisor2"))
    enrol(page, workshop, "supervisor2")
    page.goto(f"/plans/{plan_id}/")
    page.click("main a:has-text('Force...')")
    page.fill("input[name=incident]", "INC-7")
    page.fill("textarea[name=reason]", "frequency is falling and nobody answers")
    page.click("main button:has-text('Force')")
    page.wait_for_selector(f"#said :text('plan {plan_id} was forced')")
    assert "Forced by one person" in page.inner_text("#frame-alerts")
    decision = page.locator("#decision")
    decision.locator(":text('Sent, not begun.')").wait_for()  # by itself, as the state's chip does
    assert "by supervisor2" in decision.inner_text()
    assert "Grid emergency declared or imminent, incident INC-7" in decision.inner_text()
    assert "0 of" not in decision.inner_text()
    assert page.locator("#state-reload").count() == 0
    page.wait_for_function("() => document.querySelector('#record').innerText.includes('sent, not begun (dispatch)')")

    page.goto("/break-glass/")
    assert "0 of 1 votes" in page.inner_text("main")
    page.click("main a:has-text('Review...')")
    assert "You forced it" in page.inner_text("main")

    other = open_page(workshop, "supervisor")
    other.goto("/break-glass/")
    other.click("main a:has-text('Review...')")
    other.check("input[value=JUSTIFIED]")
    other.fill("textarea[name=text]", "frequency and call log looked at")
    other.click("main button:has-text('Record the review')")
    other.wait_for_selector("main :text('justified')")
    assert other.inner_text("#frame-alerts").strip() == ""
    workshop.abort(plan_id)


def test_a_further_passkey_is_proven_by_the_first(workshop: Drill, open_page: OpenPage) -> None:
    """No password is asked for; the one device there is signs the proof, and then says that it has a key already."""
    page = with_authenticator(open_page(workshop, "operator"))
    enrol(page, workshop, "operator")
    assert page.locator("input[name=password]").count() == 0
    page.click("main button:has-text('Enrol')")
    page.wait_for_selector("[data-passkey-words]:has-text('This device has a passkey for you already.')")
    proofs = in_database(
        workshop,
        "SELECT c.proof, a.id IS NOT NULL FROM planning_stepupchallenge c JOIN portal_user u ON u.id = c.user_id"
        " LEFT JOIN planning_voteassertion a ON a.enrolment_id = c.id"
        " WHERE u.username = %s AND c.purpose = 'ENROL' ORDER BY c.id",
        "operator",
    )
    assert proofs == [("PASSWORD", False), ("PASSKEY", True)]


def test_a_freeze_stops_everything_and_is_seen_everywhere(workshop: Drill, open_page: OpenPage) -> None:
    plan_id = workshop.propose(target_mw=6)
    page = open_page(workshop, "operator2")
    page.goto("/rules/")
    page.click("summary:has-text('Freeze approvals and sending')")
    page.fill("#freeze textarea[name=reason]", "a drill of the kill switch")
    page.click("button:has-text('Freeze approvals and sending')")
    page.wait_for_selector("#frame-alerts :text('FROZEN')")
    page.goto(f"/plans/{plan_id}/approve/")
    words = page.inner_text("main")
    assert "Frozen by operator2 since" in words
    assert "a drill of the kill switch" in words
    assert page.locator("main form[method=post]").count() == 0
    page.goto(f"/plans/{plan_id}/")
    assert page.locator("#decision h2").inner_text().upper() == "FROZEN"
    assert page.locator("#decision a.btn").all_inner_texts() == ["Reject...", "Withdraw..."]
    assert "FROZEN by operator2 since" in page.inner_text("#frame-alerts")

    supervisor = open_page(workshop, "supervisor")
    supervisor.goto("/rules/")
    supervisor.fill("#freeze textarea[name=text]", "drill over")
    supervisor.click("#freeze button:has-text('Lift it')")
    supervisor.wait_for_selector("#said :text('lifted')")
    assert supervisor.inner_text("#frame-alerts").strip() == ""
    workshop.reject(plan_id)
