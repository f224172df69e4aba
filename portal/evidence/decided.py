"""Who decided: who asked, by which policy, whose votes with what proof, who was refused, what was forced or frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils import timezone

from planning.core.lifecycle import TERMINAL
from planning.core.policy import Facts, Requirement, parse_policy, requirement_of
from planning.models import BreakGlass, BreakGlassReview, StepUpStrength
from planning.passkeys import NotSigned, RelyingParty, Signed, challenge_of, sign_count_of, text_of
from portal.evidence.material import Material, Version
from portal.evidence.parts import (
    NOT_KNOWN,
    Column,
    Detail,
    Row,
    Section,
    Table,
    amount,
    instant_words,
    listed,
    real_time,
    row,
    span_words,
)
from portal.evidence.stream import Entry, read_object
from portal.templatetags.pages import status_words, strategy_words, who
from portal.views.rules import PROOF, extra_words, rule_lines

KEY: Final = "decided"
QUESTION: Final = "Who decided?"
PRESENT: Final = 0x01
VERIFIED: Final = 0x04


def decided(found: Material) -> Section:
    """The section."""
    tables = (
        _asked(found),
        _policy(found),
        _votes(found),
        _refusals(found),
        _forced(found),
        _freezes(found),
        _moves(found),
    )
    return Section(KEY, QUESTION, tuple(_answer(found)), tables)


def _answer(found: Material) -> Iterable[str]:
    asked = found.rows("planning_planrequest")
    yield f"Asked for by {listed(_who_asked(found, entry) for entry in asked)}."
    forced = found.rows("planning_breakglass")
    if forced:
        yield f"Forced by {listed(found.who(entry.row['by_id']) for entry in forced)}, without the votes it needed."
    final = found.current.key if found.current else None
    votes = [entry for entry in found.rows("planning_vote") if entry.row["version_id"] == final]
    for verb in ("approve", "reject"):
        cast = [entry for entry in votes if entry.row["decision"] == verb.upper()]
        if cast:
            number = found.current.number if found.current else ""
            yield f"Version {number} was {verb.removesuffix('e')}ed by {listed(_voter(found, x) for x in cast)}."
    if not votes and not forced:
        yield "Nobody voted on the version that stands."
    yield f"The plan's state: {status_words(found.plan.status)}."


def _who_asked(found: Material, entry: Entry) -> str:
    return found.who(entry.row["by_id"], "the watch agent")


def _voter(found: Material, entry: Entry) -> str:
    lent = f" for {found.who(entry.row['on_behalf_of_id'])}" if entry.row.get("on_behalf_of_id") else ""
    return f"{found.who(entry.row['voter_id'])}{lent} ({StepUpStrength(entry.row['step_up']).label})"


def _asked(found: Material) -> Table:
    columns = ("Request", "Person", "Strategy", "Window", "Target", "Words", "When (portal time)")
    return Table(
        "asked",
        "Who asked for it, and for changes of it",
        tuple(map(Column, columns)),
        tuple(_request(found, entry) for entry in found.rows("planning_planrequest")),
        "The record holds no request.",
        note="Whoever stands here could not vote on the plan.",
    )


def _request(found: Material, entry: Entry) -> Row:
    start, end = entry.instant("window_start"), entry.instant("window_end")
    wish = entry.row["target_mw"]
    return row(
        (
            entry.row["number"],
            _who_asked(found, entry),
            strategy_words(entry.row["strategy"]),
            span_words(start, end) if start and end else "the planner's choice",
            "the planner's choice" if wish is None else amount(wish, "MW"),
            f"“{entry.row['reason']}”" if entry.row["reason"] else "–",
            instant_words(entry.instant("at")),
        ),
        entry,
    )


def _policy(found: Material) -> Table:
    columns = ("Version", "Policy", "Rules that matched", "Who", "Proof", "Also", "SHA-256 of the rules")
    return Table(
        "policy",
        "The approval policy it was made under",
        (*map(Column, columns[:-1]), Column(columns[-1], code=True)),
        tuple(_ruled(found, version) for version in found.versions),
        "No version, so no policy was named.",
        note="The SHA-256 is the one the content names; the rules in the record are hashed now and compared.",
    )


def _ruled(found: Material, version: Version) -> Row:
    content = version.content
    named = content.policy_sha256
    policies = found.beside_rows("planning_approvalpolicy")
    policy = next((x for x in policies if x.row["number"] == content.policy_version), None)
    if policy is None:
        return row((version.number, content.policy_version, *["not in the record"] * 4, named), version.entry)
    rules = policy.row["rules"]
    same = hashlib.sha256(rules.encode()).hexdigest() == named
    needed = _requirement(version, rules)
    return row(
        (
            version.number,
            f"{content.policy_version}, {_who_made(found, policy)}",
            "; ".join(needed.rules),
            who(needed.needs),
            PROOF[needed.needs.step_up] + (" each" if needed.needs.approvals > 1 else ""),
            extra_words(needed.needs) or "–",
            f"{named} ({'that of the rules in the record' if same else 'NOT that of the rules in the record'})",
        ),
        version.entry,
        policy,
        detail=_rules(content.policy_version, rules) if version is _last_under(found, content.policy_version) else None,
    )


def _last_under(found: Material, number: int) -> Version:
    """The last version made under a policy: its rules are told there, and once."""
    return [each for each in found.versions if each.content.policy_version == number][-1]


def _rules(number: int, rules: str) -> Detail:
    lines = [
        ": ".join(filter(None, (line.name, line.when, ", ".join(filter(None, (line.who, line.proof, line.extra))))))
        for line in rule_lines(parse_policy(rules))
    ]
    return Detail(f"Rules of policy {number}", "\n".join([*lines, "", f"As stored: {rules}"]))


def _who_made(found: Material, policy: Entry) -> str:
    if policy.row["proposed_by_id"] is None:
        return "built in"
    confirmed = found.beside_rows("planning_policyconfirmation")
    second = next((x for x in confirmed if x.row["policy_id"] == policy.row["id"]), None)
    by = found.who(second.row["by_id"]) if second else "nobody yet"
    return f"proposed by {found.who(policy.row['proposed_by_id'])}, confirmed by {by}"


def _requirement(version: Version, rules: str) -> Requirement:
    """By the rules' twin that explains them (planning.core.policy); PostgreSQL decided by the same rules."""
    content = version.content
    facts = Facts(
        mw=content.largest_interval_p50_mw,
        endpoints=content.accounts_called,
        duration_min=int((content.window_end - content.window_start).total_seconds() // 60),
        strategy=content.strategy.value,
        edited=version.number > 1,
        confidence=content.confidence,
        grid_state=content.grid_state,
        season_calls_left=content.season_calls_left,
    )
    return requirement_of(parse_policy(rules), facts)


def _votes(found: Material) -> Table:
    columns = ("Person", "Decision", "Version", "Proof", "On this content", "Drift then", "Words", "When (portal time)")
    return Table(
        "votes",
        "Votes",
        tuple(map(Column, (*columns, "Recorded (real time)"))),
        tuple(_vote(found, entry) for entry in found.rows("planning_vote")),
        "Nobody voted.",
    )


def _vote(found: Material, entry: Entry) -> Row:
    given = entry.row
    version = next((each for each in found.versions if each.key == given["version_id"]), None)
    same = version is not None and version.entry.row["content_hash"] == given["content_hash"]
    signed = _signed(found, "vote_id", given["id"])
    detail = None
    if signed is not None:
        detail = _assertion(found, signed, given["content_hash"], given["decision"])
    lent = f" for {found.who(given['on_behalf_of_id'])}, who had lent the vote" if given.get("on_behalf_of_id") else ""
    return row(
        (
            f"{found.who(given['voter_id'])}{lent}",
            {"APPROVE": "approved", "REJECT": "rejected"}.get(given["decision"], given["decision"]),
            found.number_of(given["version_id"]),
            StepUpStrength(given["step_up"]).label,
            f"{given['content_hash'][:12]}…, {'the same as the version' if same else 'NOT the version'}",
            (given.get("drift") or {}).get("level", "not told"),
            f"“{given['reason']}”" if given["reason"] else "–",
            instant_words(entry.instant("at")),
            real_time(entry.at),
        ),
        *(each for each in (entry, signed) if each),
        detail=detail,
    )


def _signed(found: Material, column: str, key: Any) -> Entry | None:
    return next((each for each in found.rows("planning_voteassertion") if each.row.get(column) == key), None)


def _assertion(found: Material, entry: Entry, content_hash: str, decision: str) -> Detail:
    """What the passkey signed, and whether the recorded key verifies it now."""
    key = next((x for x in found.beside_rows("planning_passkey") if x.row["id"] == entry.row["passkey_id"]), None)
    asked = [x for x in found.beside_rows("planning_stepupchallenge") if x.row["id"] == entry.row["challenge_id"]]
    flags = entry.data("authenticator_data")[32:33] or b"\0"
    verdict = (
        _verdict(entry, key, asked[0], content_hash, decision) if key and asked else "the key is not in the record"
    )
    client = _client_of(entry)
    lines = [
        f"Checked now with the recorded key: {verdict}",
        f"Challenge = SHA-256(nonce, content hash, {decision})",
        f"Key: {key.row['label'] if key else NOT_KNOWN}, enrolled {real_time(key.at) if key else NOT_KNOWN}",
        f"Person present: {'yes' if flags[0] & PRESENT else 'no'}; verified: {'yes' if flags[0] & VERIFIED else 'no'}",
        f"Signature number {entry.row['sign_count']}, on the page {client.get('origin', NOT_KNOWN)}",
        f"Nonce: {asked[0].data('nonce').hex() if asked else NOT_KNOWN}",
        f"Client data: {entry.data('client_data').decode(errors='replace')}",
        f"Authenticator data: {entry.data('authenticator_data').hex()}",
        f"Signature: {entry.data('signature').hex()}",
        f"Public key (COSE): {key.data('public_key').hex() if key else NOT_KNOWN}",
    ]
    return Detail("What the passkey signed", "\n".join(lines))


def _client_of(entry: Entry) -> Mapping[str, Any]:
    """What the browser said it was asked; empty when it is not what a browser writes."""
    return read_object(entry.data("client_data").decode(errors="replace"))


def _verdict(entry: Entry, key: Entry, challenge: Entry, content_hash: str, decision: str) -> str:
    origin = str(_client_of(entry).get("origin", ""))
    raw = text_of(key.data("credential_id"))
    credential = {
        "id": raw,
        "rawId": raw,
        "type": "public-key",
        "response": {
            "clientDataJSON": text_of(entry.data("client_data")),
            "authenticatorData": text_of(entry.data("authenticator_data")),
            "signature": text_of(entry.data("signature")),
        },
    }
    try:
        signed = Signed(credential, RelyingParty(urlsplit(origin).hostname or "", origin), timezone.now())
        sign_count_of(
            signed,
            challenge=challenge_of(challenge.data("nonce"), content_hash, decision),
            public_key=key.data("public_key"),
            sign_count=max(0, int(entry.row["sign_count"]) - 1),
        )
    except NotSigned as refusal:
        return f"DOES NOT HOLD: {refusal.why}"
    except ValueError:
        return "DOES NOT HOLD: what is said to have been signed cannot be read"
    return "the signature holds"


def _refusals(found: Material) -> Table:
    columns = ("Person", "Tried to", "Refused because", "When (portal time)")
    return Table(
        "refusals",
        "Who was refused",
        tuple(map(Column, columns)),
        tuple(
            row(
                (
                    found.who(entry.row["by_id"], "somebody unknown"),
                    entry.row["attempted"],
                    entry.row["why"],
                    instant_words(entry.instant("at")),
                ),
                entry,
            )
            for entry in found.rows("planning_planrefusal")
        ),
        "Nobody was refused anything.",
    )


def _forced(found: Material) -> Table:
    reviews = {entry.row["break_glass_id"]: entry for entry in found.rows("planning_breakglassreview")}
    columns = ("Person", "Why", "Rules not met", "Proof", "When (portal time)", "Reviewed")
    lines = []
    for entry in found.rows("planning_breakglass"):
        given, review = entry.row, reviews.get(entry.row["id"])
        signed = _signed(found, "break_glass_id", given["id"])
        detail = _assertion(found, signed, given["content_hash"], "BREAK_GLASS") if signed else None
        code = BreakGlass.ReasonCode(given["reason_code"]).label
        lines.append(
            row(
                (
                    found.who(given["by_id"]),
                    f"{code}, incident {given['incident']}: “{given['reason']}”",
                    "; ".join(given["forced"]) or "none",
                    StepUpStrength(given["step_up"]).label,
                    instant_words(entry.instant("at")),
                    _reviewed(found, entry, review),
                ),
                *(each for each in (entry, signed, review) if each),
                detail=detail,
            )
        )
    return Table("forced", "Break-glass", tuple(map(Column, columns)), tuple(lines), "It was not forced.")


def _reviewed(found: Material, entry: Entry, review: Entry | None) -> str:
    due = entry.instant("review_due_at")
    if review is None:
        return f"not yet; due {real_time(due)}"
    late = "" if due is None or review.at <= due else ", late"
    finding = BreakGlassReview.Finding(review.row["finding"]).label
    return f"{finding} by {found.who(review.row['by_id'])}, {real_time(review.at)}{late}: “{review.row['text']}”"


def _freezes(found: Material) -> Table:
    lifts = {entry.row["freeze_id"]: entry for entry in found.beside_rows("planning_freezelift")}
    lines = []
    for entry in found.beside_rows("planning_freeze"):
        lift = lifts.get(entry.row["id"])
        if not _overlaps(found, entry, lift):
            continue
        until = lift.instant("at") if lift else entry.instant("ends_at")
        lines.append(
            row(
                (
                    found.who(entry.row["by_id"]),
                    f"“{entry.row['reason']}”",
                    instant_words(entry.instant("starts_at")),
                    instant_words(until) if until else "not lifted",
                    f"{found.who(lift.row['by_id'])}: “{lift.row['reason']}”" if lift else "–",
                ),
                *(each for each in (entry, lift) if each),
            )
        )
    columns = ("Person", "Why", "From (portal time)", "Until (portal time)", "Lifted by")
    empty = "Nothing was frozen between the request and the end of the window."
    return Table("freezes", "Freezes in its time", tuple(map(Column, columns)), tuple(lines), empty)


def _overlaps(found: Material, entry: Entry, lift: Entry | None) -> bool:
    """In the plan's time, portal time and real time both: a scenario's clock can be set back."""
    ends: datetime | None = lift.instant("at") if lift else entry.instant("ends_at")
    starts, last = entry.instant("starts_at"), found.versions[-1].content.window_end if found.versions else None
    before_end = last is None or starts is None or starts < last
    over = found.plan.status in TERMINAL and bool(found.entries)
    after = over and entry.at > found.entries[-1].at
    before = bool(found.entries) and lift is not None and lift.at < found.entries[0].at
    return not after and not before and before_end and (ends is None or ends >= found.plan.requested_at)


def _moves(found: Material) -> Table:
    columns = ("When (portal time)", "From", "To", "By", "Words", "Database login")
    return Table(
        "moves",
        "Every change of its state",
        tuple(map(Column, columns)),
        tuple(
            row(
                (
                    instant_words(entry.instant("at")),
                    status_words(entry.row["from_status"]) if entry.row["from_status"] else "–",
                    status_words(entry.row["to_status"]),
                    found.who(entry.row["by_id"], entry.row["actor"]),
                    f"“{entry.row['reason']}”" if entry.row["reason"] else "–",
                    entry.db_role,
                ),
                entry,
            )
            for entry in found.rows("planning_transition")
        ),
        "The record holds no change of state.",
    )
