"""One event of the record as a sentence: `operator2 approved version 2 of plan 7 (passkey)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from planning.models import BreakGlass, BreakGlassReview, StepUpStrength
from portal.evidence.parts import amount, shortened
from portal.evidence.stream import Entry
from portal.models import SignIn
from portal.templatetags.pages import status_words, strategy_words

MOST_WORDS: Final = 600
Row = Mapping[str, Any]
Who = Callable[[object], str]

KINDS: Final[Mapping[str, str]] = {
    "planning_vote": "vote",
    "planning_voteassertion": "passkey signature of a decision",
    "planning_plan": "plan",
    "planning_planrequest": "request for a plan or a change",
    "planning_planversion": "version of a plan",
    "planning_plannedevent": "event prepared for sending",
    "planning_alternative": "alternative shown",
    "planning_transition": "change of a plan's state",
    "planning_planrefusal": "refusal",
    "planning_comment": "comment",
    "planning_commentresolution": "resolution of a blocker",
    "planning_breakglass": "break-glass",
    "planning_breakglassreview": "review of a break-glass",
    "planning_escalation": "time running out",
    "planning_estimate": "estimate before the plan's number",
    "planning_planviewing": "plan looked at",
    "dispatch_claim": "plan taken for sending",
    "dispatch_signal": "signal",
    "dispatch_receipt": "receipt",
    "dispatch_eventresult": "result of an event",
    "dispatch_ven": "receiver",
    "portal_user": "person",
    "portal_user_groups": "role of a person",
    "portal_user_user_permissions": "single right of a person",
    "auth_group": "role",
    "auth_group_permissions": "right of a role",
    "portal_apitoken": "API token",
    "portal_signin": "sign-in or sign-out",
    "portal_erasure": "erasure of names",
    "planning_passkey": "passkey",
    "planning_passkeyend": "end of a passkey",
    "planning_passkeyreset": "reset of somebody's passkeys",
    "planning_stepupchallenge": "passkey challenge",
    "planning_delegation": "delegation",
    "planning_delegationend": "end of a delegation",
    "planning_approvalpolicy": "approval policy",
    "planning_policyconfirmation": "confirmation of a policy",
    "planning_freeze": "freeze",
    "planning_freezelift": "end of a freeze",
    "ledger_verification": "verification of the record",
    "ledger_holdrelease": "release of a hold",
    "ledger_export": "export of the record",
    "ledger_cut": "retention",
    "grid_clockchange": "change of the clock",
    "cohorts_cohort": "cohort",
    "cohorts_cohortchange": "change of a cohort",
}
"""Tables in words."""

DECISIONS: Final = {"APPROVE": "approved", "REJECT": "rejected"}
WRITTEN: Final = {
    "INSERT": "written",
    "UPDATE": "changed",
    "DELETE": "deleted",
    "EXISTING": "there when recording began",
}


def kind_of(source: str) -> str:
    """The table in words."""
    return KINDS.get(source, source.replace("_", " "))


def sentence_of(entry: Entry, *, who: Who) -> str:
    """What happened, with names; `who` tells the name of a person's id."""
    plain = f"{kind_of(entry.source).capitalize()} {entry.row_key}: {WRITTEN.get(entry.op, entry.op)}"
    told = CHANGES if entry.op == "UPDATE" else SENTENCES if entry.op in ("INSERT", "EXISTING") else {}
    if entry.source not in told:
        return plain
    try:
        return shortened(told[entry.source](entry.row, who), MOST_WORDS)
    except (ValueError, KeyError, TypeError, AttributeError):  # written by hand: no operation of the portal does it
        return f"{plain}; the row is not as the portal writes it"


def _quoted(words: Any) -> str:
    return f": “{words}”" if words else ""


def _vote(row: Row, who: Who) -> str:
    lent = f" for {who(row['on_behalf_of_id'])}" if row.get("on_behalf_of_id") else ""
    proof = StepUpStrength(row["step_up"]).label
    verb = DECISIONS.get(row["decision"], row["decision"])
    return f"{who(row['voter_id'])} {verb}{lent} ({proof}){_quoted(row['reason'])}"


def _moved(row: Row, who: Who) -> str:
    by = who(row["by_id"]) if row["by_id"] else row["actor"]
    before = f"from {status_words(row['from_status'])} " if row["from_status"] else ""
    return f"The plan went {before}to {status_words(row['to_status'])}, by {by}{_quoted(row['reason'])}"


def _asked(row: Row, who: Who) -> str:
    by = who(row["by_id"]) if row["by_id"] else "The watch agent"
    what = "the plan" if row["number"] == 1 else f"a change of the plan (request {row['number']})"
    wish = "" if row["target_mw"] is None else f", {amount(row['target_mw'], 'MW')}"
    return f"{by} asked for {what}: {strategy_words(row['strategy'])}{wish}{_quoted(row['reason'])}"


def _forced(row: Row, who: Who) -> str:
    code = BreakGlass.ReasonCode(row["reason_code"]).label
    return f"{who(row['by_id'])} forced the plan ({code}, incident {row['incident']}){_quoted(row['reason'])}"


def _reviewed(row: Row, who: Who) -> str:
    finding = BreakGlassReview.Finding(row["finding"]).label
    return f"{who(row['by_id'])} reviewed break-glass {row['break_glass_id']}: {finding}{_quoted(row['text'])}"


def _signal(row: Row, _who: Who) -> str:
    kind = "Cancellation" if row["kind"] == "CANCEL" else "Event"
    return f"{kind} for receiver {row['ven_id']} {row['status'].lower()}: {amount(row['mw'], 'MW')}"


def _result(row: Row, _who: Who) -> str:
    return f"{amount(row['delivered_mwh'], 'MWh')} measured, {row['opt_outs']:,} of {row['endpoints']:,} opted out"


def _signed_in(row: Row, who: Who) -> str:
    somebody = who(row["user_id"]) if row["user_id"] else "Somebody unknown"
    return f"{somebody}: {SignIn.Outcome(row['outcome']).label}"


def _lent(row: Row, who: Who) -> str:
    most = amount(row["max_mw"], "MW")
    return f"{who(row['delegator_id'])} lent {who(row['delegate_id'])} the vote, up to {most}{_quoted(row['reason'])}"


def _exported(row: Row, who: Who) -> str:
    by = who(row["by_id"]) if row["by_id"] else "Who administers the machine"
    return f"{by} exported {row['events']:,} events of {row['stream'] or 'the whole record'}"


def _erased(row: Row, who: Who) -> str:
    by = who(row["by_id"]) if row["by_id"] else "Who administers the machine"
    return f"{by} erased who person {row['person_id']} was{_quoted(row['reason'])}"


def _verified(row: Row, who: Who) -> str:
    by = who(row["by_id"]) if row["by_id"] else "The portal"
    return f"{by} verified {row['events']:,} events: {'sound' if row['sound'] else 'NOT sound'}"


def _person(row: Row, who: Who) -> str:
    state = "active" if row["is_active"] else "not active"
    more = "".join(
        words for flag, words in (("is_staff", ", admin site"), ("is_superuser", ", superuser")) if row[flag]
    )
    return f"Account of {who(row['id'])}: {state}{more}"


def _token(row: Row, who: Who) -> str:
    state = f"revoked {row['revoked_at']}" if row["revoked_at"] else "valid"
    return f"API token “{row['label']}” of {who(row['user_id'])}: {state}"


SENTENCES: Final[Mapping[str, Callable[[Row, Who], str]]] = {
    "planning_vote": _vote,
    "planning_voteassertion": lambda row, _who: f"A passkey signed it (signature number {row['sign_count']})",
    "planning_plan": lambda row, _who: f"The plan began ({row['mode']}), {status_words(row['status'])}",
    "planning_planrequest": _asked,
    "planning_planversion": lambda row, _who: (
        f"Version {row['number']} was proposed, SHA-256 {row['content_hash'][:12]}…"
    ),
    "planning_plannedevent": lambda row, _who: f"Event {row['event_name']} prepared: {amount(row['mean_mw'], 'MW')}",
    "planning_alternative": lambda row, _who: f"Alternative shown: {row['option'].replace('_', ' ')}",
    "planning_transition": _moved,
    "planning_planrefusal": lambda row, who: (
        f"{who(row['by_id']) if row['by_id'] else 'Somebody'} was refused to {row['attempted']}: {row['why']}"
    ),
    "planning_comment": lambda row, who: (
        f"{who(row['by_id'])} {'raised a blocker' if row['blocker'] else 'commented'}{_quoted(row['text'])}"
    ),
    "planning_commentresolution": lambda row, who: f"{who(row['by_id'])} resolved a blocker{_quoted(row['text'])}",
    "planning_breakglass": _forced,
    "planning_breakglassreview": _reviewed,
    "planning_escalation": lambda row, _who: f"{row['share_pct']} % of the time to decide had passed",
    "planning_estimate": lambda row, who: f"{who(row['by_id'])} expected {amount(row['mw'], 'MW')}",
    "planning_planviewing": lambda row, who: f"{who(row['by_id'])} had it in sight for {row['seconds']} s",
    "dispatch_claim": lambda _row, _who: "Dispatch took the plan for sending",
    "dispatch_signal": _signal,
    "dispatch_receipt": lambda row, _who: f"Signal {row['signal_id']} was received",
    "dispatch_eventresult": _result,
    "dispatch_ven": lambda row, _who: f"Receiver {row['name']}{' (simulated)' if row['simulated'] else ''}",
    "portal_user": _person,
    "portal_user_groups": lambda row, who: f"{who(row['user_id'])} was given role {row['group_id']}",
    "portal_apitoken": _token,
    "portal_signin": _signed_in,
    "portal_erasure": _erased,
    "planning_passkey": lambda row, who: f"{who(row['user_id'])} enrolled the passkey “{row['label']}”",
    "planning_passkeyend": lambda row, who: (
        f"{who(row['by_id'])} ended passkey {row['passkey_id']}{_quoted(row['reason'])}"
    ),
    "planning_stepupchallenge": lambda row, who: (
        f"{who(row['user_id'])} was asked for a passkey: {row['purpose'].lower()}"
    ),
    "planning_passkeyreset": lambda row, who: (
        f"{who(row['by_id'])} withdrew all passkeys of {who(row['user_id'])}{_quoted(row['reason'])}"
    ),
    "planning_delegation": _lent,
    "planning_delegationend": lambda row, who: f"{who(row['by_id'])} ended delegation {row['delegation_id']}",
    "planning_approvalpolicy": lambda row, who: (
        f"{who(row['proposed_by_id'])} proposed policy {row['number']}{_quoted(row['reason'])}"
        if row["proposed_by_id"]
        else f"Policy {row['number']} is built in"
    ),
    "planning_policyconfirmation": lambda row, who: f"{who(row['by_id'])} confirmed a policy",
    "planning_freeze": lambda row, who: f"{who(row['by_id'])} froze approvals and sending{_quoted(row['reason'])}",
    "planning_freezelift": lambda row, who: (
        f"{who(row['by_id'])} lifted freeze {row['freeze_id']}{_quoted(row['reason'])}"
    ),
    "ledger_verification": _verified,
    "ledger_holdrelease": lambda row, who: f"{who(row['by_id'])} let sending go on{_quoted(row['reason'])}",
    "ledger_export": _exported,
    "ledger_cut": lambda row, _who: f"{row['events']:,} events of {row['stream']} were retired, up to no. {row['seq']}",
    "grid_clockchange": lambda row, who: (
        f"{who(row['by_id']) if row['by_id'] else 'The portal'}: clock {row['action'].lower().replace('_', ' ')}"
    ),
    "cohorts_cohort": lambda row, _who: f"Cohort {row['name']}",
    "cohorts_cohortchange": lambda row, who: f"{who(row['by_id'])} changed the cohort",
}
CHANGES: Final[Mapping[str, Callable[[Row, Who], str]]] = {
    "planning_plan": lambda row, _who: f"The plan stands at {status_words(row['status'])}",
    "dispatch_signal": _signal,
    "dispatch_eventresult": _result,
    "portal_user": _person,
    "portal_apitoken": _token,
    "planning_stepupchallenge": lambda row, who: f"{who(row['user_id'])} answered a passkey challenge",
    "cohorts_cohort": lambda row, _who: f"Cohort {row['name']} changed",
    "dispatch_ven": lambda row, _who: f"Receiver {row['name']} changed",
}
