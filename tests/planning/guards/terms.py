"""Terms of longer conditions in PostgreSQL's functions: what each becomes without it, and what it was for."""

from __future__ import annotations

from typing import Final

Terms = dict[str, tuple[str, str]]

_ASSERTION = "each part of what a passkey leaves behind"

TERMS: Final[dict[str, Terms]] = {
    "planning_holds": {
        "u.is_active": ("true", "only active people hold rights"),
        "p.codename = permission": ("true", "the right itself"),
    },
    "planning_stands_apart": {
        "u.is_superuser": ("false", "superusers stand apart"),
        "'admin'": ("'none'", "admins stand apart"),
        "'auditor'": ("'none'", "auditors stand apart"),
    },
    "planning_may_decide": {
        "planning_holds(person, permission)": ("true", "the right itself"),
        "NOT planning_stands_apart(person)": ("true", "nobody who stands apart"),
    },
    "planning_is_conflicted": {
        "r.by_id = person": ("false", "whoever asked"),
        "d.delegator_id = person": ("false", "whoever had lent the asker their vote"),
    },
    "planning_lends": {
        "d.delegator_id = delegator": ("true", "lent by this person"),
        "d.delegate_id = delegate": ("true", "lent to this person"),
        "d.starts_at <= at": ("true", "not before it begins"),
        "at < d.ends_at": ("true", "not after it ends"),
        "coalesce(mw <= d.max_mw, false)": ("true", "up to so many MW"),
        "NOT EXISTS (SELECT 1 FROM planning_delegationend": (
            "true OR NOT EXISTS (SELECT 1 FROM planning_delegationend",
            "not once it was taken back",
        ),
    },
    "planning_freeze_reason": {
        "f.starts_at <= portal_now()": ("false", "a freeze that has begun is on"),
    },
    "planning_open_blockers": {
        "c.version_id = version": ("false", "blockers are seen"),
    },
    "planning_is_supervisors": {
        "planning_holds(b.voter_id, 'approve_large_plan')": ("true", "who is a supervisor"),
    },
    "planning_tally": {
        "v.content_hash = t.content_hash": ("true", "votes of this very content"),
        "t.decision = 'APPROVE'": ("true", "approvals only"),
        "planning_ballot_objection(t) IS NULL": ("true", "votes that still hold"),
        "NOT EXISTS (SELECT 1 FROM planning_vote o": (
            "true OR NOT EXISTS (SELECT 1 FROM planning_vote o",
            "one human once",
        ),
    },
    "planning_has_quorum": {
        "t.approvals >=": ("true OR t.approvals >=", "enough votes"),
        "t.supervisors >=": ("true OR t.supervisors >=", "enough supervisors among them"),
    },
    "planning_requirement": {
        "max((r #>> '{needs,approvals}')::integer)": ("1", "votes by the strictest rule"),
        "max((r #>> '{needs,supervisors}')::integer)": ("0", "supervisors by the strictest rule"),
        "max(array_position(ARRAY['none', 'password', 'passkey'], r #>> '{needs,step_up}'))": (
            "1",
            "step-up by the strictest rule",
        ),
        "bool_or((r #>> '{needs,reason}')::boolean)": ("false", "a reason where a rule asks for one"),
        "bool_or((r #>> '{needs,estimate}')::boolean)": ("false", "an estimate where a rule asks for one"),
    },
    "planning_facts": {
        "v.number > 1 OR": ("", "a second version is edited"),
        "EXISTS (SELECT 1 FROM planning_planrequest r": (
            "false AND EXISTS (SELECT 1 FROM planning_planrequest r",
            "a change asked for is an edit",
        ),
    },
    "planning_largest_mw": {
        "added.mw > 2 * claimed.mw": ("false", "a small claim hides no large event"),
    },
    "planning_rule_matches": {
        ">= (conditions ->> 'mw_at_least')": ("> (conditions ->> 'mw_at_least')", "20 MW belong to the higher tier"),
        "(facts ->> 'mw')::numeric > (conditions ->> 'mw_above')::numeric": ("false", "the tier above 60 MW"),
        "(facts ->> 'edited')::boolean = (conditions ->> 'edited')::boolean": ("false", "the tier of edited plans"),
        "conditions -> 'strategy' @> (facts -> 'strategy')": ("false", "the tier of emergencies"),
    },
    "planning_policy_in_force": {
        "EXISTS (SELECT 1 FROM planning_policyconfirmation": (
            "true OR EXISTS (SELECT 1 FROM planning_policyconfirmation",
            "only what was confirmed",
        ),
    },
    # Its `given ?& names` is no guard: a part that is missing is null to the terms that read it.
    "planning_policy_has": {
        "given - names = '{}'::jsonb": ("true", "no part that nobody reads"),
    },
    "planning_policy_amount": {
        "jsonb_typeof(given) = 'string' AND given #>> '{}' ~ '^[0-9]{1,9}([.][0-9]{1,6})?$'": (
            "true",
            "MW are a number",
        ),
    },
    "planning_policy_count": {
        "jsonb_typeof(given) = 'number' AND given #>> '{}' ~ '^[0-9]{1,9}$'": ("given IS NOT NULL", "counts are whole"),
    },
    "planning_policy_some_of": {
        "jsonb_typeof(given) = 'array' AND given <> '[]'::jsonb AND given <@ to_jsonb(known)": ("true", "known words"),
    },
    "planning_condition_is_sound": {
        "ELSE false END": ("ELSE true END", "no condition that nobody reads"),
    },
    "planning_needs_are_sound": {
        "BETWEEN 1 AND 9": ("BETWEEN 0 AND 9", "one human at least"),
        "given -> 'step_up' IN ('\"none\"'::jsonb, '\"password\"'::jsonb, '\"passkey\"'::jsonb)": (
            "true",
            "a step-up that is known",
        ),
        "jsonb_typeof(given -> 'reason') = 'boolean'": ("true", "a reason is yes or no"),
        "jsonb_typeof(given -> 'estimate') = 'boolean'": ("true", "an estimate is yes or no"),
        "(given ->> 'supervisors')::integer <= (given ->> 'approvals')::integer": (
            "true",
            "supervisors are among them",
        ),
    },
    "planning_rule_is_sound": {
        "given ->> 'name' ~ '[[:graph:]]'": ("true", "every rule has a name"),
        "planning_needs_are_sound(given -> 'needs')": ("true", "what it needs is sound"),
        "NOT coalesce(planning_condition_is_sound(c.key, c.value), false)": ("false", "its conditions are sound"),
    },
    "planning_policy_is_sound": {
        "EXISTS (SELECT 1 FROM jsonb_array_elements(p -> 'rules') r WHERE r -> 'when' = '{}'::jsonb)": (
            "true",
            "one rule for every plan",
        ),
        "NOT coalesce(planning_rule_is_sound(r), false)": ("false", "every rule is sound"),
        "count(DISTINCT r ->> 'name') = count(*)": ("true", "no name twice"),
        "planning_policy_amount(p #> '{break_glass,max_mw}')": ("true", "a cap that is one"),
        "BETWEEN 1 AND 24": ("BETWEEN 1 AND 999", "a review within a day"),
    },
    "planning_content_is_whole": {
        "(content::jsonb ->> 'required_approvals')::integer >= 1": ("true", "no content without a vote"),
        "content::jsonb ?& ARRAY[": ("content::jsonb ?| ARRAY[", "every part of the content is there"),
        "(content::jsonb ->> 'largest_interval_p50_mw')::numeric >= 0": ("true", "what the tiers look at is a number"),
    },
    # Its `a.vote_id = NEW.id` is no guard: a person votes, and forces, once on one content, so there is no other row.
    "planning_check_assertion": {
        "k.user_id = NEW.voter_id": ("true", f"{_ASSERTION}: the voter's key"),
        "c.user_id = NEW.voter_id": ("true", f"{_ASSERTION}: a challenge given to the voter"),
        "c.purpose = 'APPROVE'": ("true", f"{_ASSERTION}: for an approval"),
        "c.content_hash = NEW.content_hash": ("true", f"{_ASSERTION}: of this content"),
        "c.used_at IS NOT NULL": ("true", f"{_ASSERTION}: a challenge that was spent"),
        "k.user_id = NEW.by_id": ("true", f"{_ASSERTION}: the key of who forces"),
        "c.user_id = NEW.by_id": ("true", f"{_ASSERTION}: a challenge given to who forces"),
        "c.purpose = 'BREAK_GLASS'": ("true", f"{_ASSERTION}: for a break-glass"),
    },
    "planning_check_challenge": {
        "OLD.used_at IS NOT NULL OR": ("", "a challenge is used once"),
        "NEW.used_at IS NULL OR": ("", "a used challenge stays used"),
        "(to_jsonb(NEW) - 'used_at') IS DISTINCT FROM (to_jsonb(OLD) - 'used_at')": (
            "false",
            "nothing else of it changes",
        ),
    },
    "planning_check_break_glass": {
        "NEW.forced := planning_unmet(NEW.by_id, NEW.version_id);": ("", "PostgreSQL writes what was forced"),
        "NEW.review_due_at := NEW.wall_at + make_interval(hours => hours);": ("", "PostgreSQL writes when it is due"),
    },
    "planning_check_resolution": {
        "NOT planning_may_decide(NEW.by_id, 'approve_large_plan')\n        OR": ("", "a supervisor"),
        "OR planning_is_conflicted(": ("OR false AND planning_is_conflicted(", "with no part in the plan"),
    },
    "planning_send_objection": {
        "g.content_hash = v.content_hash": ("true", "what was forced is this content"),
        "planning_may_decide(g.by_id, 'break_glass')": ("true", "by somebody who still may"),
        "'CANCELLED', ": ("", "nothing of a plan that was cancelled"),
        "'ABORTING', ": ("", "nothing of a plan that is being aborted"),
        "'ABORTED', ": ("", "nothing of a plan that was aborted"),
        "'WITHDRAWN', ": ("", "nothing of a plan that was withdrawn"),
        "'EXPIRED', ": ("", "nothing of a plan that has expired"),
        "'SUPERSEDED', ": ("", "nothing of a plan that was superseded"),
        ", 'REJECTED'": ("", "nothing of a plan that was rejected"),
    },
    "dispatch_calls_nobody": {
        "event -> 'intervals' = '[]'::jsonb": ("true", "a cancellation has no interval"),
        "event #>> '{intervalPeriod,duration}' = 'PT0S'": ("true", "a cancellation lasts no time"),
        "event - ARRAY['intervals', 'intervalPeriod'] = original - ARRAY['intervals', 'intervalPeriod']": (
            "true",
            "a cancellation is of the approved event",
        ),
    },
    "dispatch_signal_objection": {
        "AND t.by_id IS NOT NULL": ("", "a person aborted it"),
    },
}

# Checks that are no `raise`.
PYTHON_TERMS: Final[dict[tuple[str, str], Terms]] = {
    ("planning.operations.approving", "approve_plan"): {
        "if _has_quorum(plan):": ("if True:", "authorised by the last vote only"),
    },
    ("planning.operations.opening", "refusals_on_record.__exit__"): {
        "if isinstance(error, Refusal)": ("if False and isinstance(error, Refusal)", "a refusal is on record"),
    },
    ("planning.operations.stepping_up", "prove"): {
        "filter(user=by, end=None, credential_id": ("filter(end=None, credential_id", "a key of this person"),
        "user=by, end=None,": ("user=by,", "a key that is still believed"),
    },
    ("planning.operations.stepping_up", "_spent"): {
        "user=by, purpose=purpose": ("purpose=purpose", "a challenge given to this person"),
        ", wall_at__gt=wall_at - CHALLENGE_LASTS": ("", "a challenge of the last five minutes"),
        "used_at=None": ("pk__gt=0", "a challenge not used before"),
    },
    ("planning.operations.stepping_up", "_highest_count"): {
        "max(passkey.sign_count, used or 0)": ("0", "a counter that only goes up"),
    },
    ("planning.passkeys", "sign_count_of"): {
        "require_user_verification=True": (
            "require_user_verification=False",
            "the person was verified, not only there",
        ),
        "expected_origin=signed.party.origin": ("expected_origin='http://testserver'", "signed on this page"),
    },
    ("planning.record", "move_plan"): {
        "filter(pk=plan.pk, status=old)": ("filter(pk=plan.pk)", "moved out of the state it was read in"),
        "if not may_move(old, to)": ("if False", "only moves of the table"),
    },
    ("dispatch.operations.sending", "_claim"): {
        "if _too_late(plan, at)": ("if False", "nothing late is claimed"),
        "if moved := _moved_too_far(plan, at)": ("if moved := ''", "nothing that has moved too far is claimed"),
    },
    ("dispatch.operations.sending", "_send"): {
        "            if _too_late(plan, at):": ("            if False:", "nothing late is sent"),
    },
    ("planning.operations.deciding", "expire_due"): {
        "plan.approve_by <= at": ("False", "what nobody decided expires"),
    },
}
