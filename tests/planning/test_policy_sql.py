"""PostgreSQL's side of the approval policy: it decides as the Python twin does, and a change needs two people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohorts.models import Cohort
from planning.core.canonical import canonical_json
from planning.core.policy import (
    DEFAULT_POLICY,
    GRID_STATES,
    Facts,
    Needs,
    PolicyUnsound,
    Requirement,
    StepUp,
    matches,
    parse_policy,
    requirement_of,
)
from planning.core.strategy import Strategy
from planning.models import ApprovalPolicy, Plan, PlannedEvent, PlanRequest, PlanVersion, PolicyConfirmation
from planning.operations import (
    ConfirmationRefused,
    PermissionNeeded,
    PolicyInvalid,
    PolicyRefused,
    PolicyUnknown,
    ReasonMissing,
    confirm_policy,
    propose_policy,
)
from planning.queries import policy_in_force
from portal.acting import acting_as
from portal.models import User
from tests.conftest import CommittedDatabase
from tests.core.test_policy import UNSOUND
from tests.keys import password_of
from tests.planning.builders import AT, START, Wanted, cohort, content_of, pending_plan, person, refused, sha256
from tests.planning.sql import AsRole, assert_refused, run, value_of
from tests.policies import approve as vote
from tests.policies import put_in_force, requirement, rules_text

TWO = rules_text({"name": "every plan", "needs": {"approvals": 2}})
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def amounts(most: int, places: int) -> st.SearchStrategy[str]:
    return st.decimals(0, most, places=places, allow_nan=False).map(lambda value: f"{value:f}")


STRATEGIES = [each.value for each in Strategy]
CONDITIONS = {
    "mw_at_least": amounts(80, 3),
    "mw_above": amounts(80, 3),
    "endpoints_at_least": st.integers(0, 300),
    "duration_min_at_least": st.integers(0, 300),
    "strategy": st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=3),
    "edited": st.booleans(),
    "confidence_below": amounts(1, 2),
    "grid_state": st.lists(st.sampled_from(GRID_STATES), min_size=1, max_size=3),
    "season_calls_left_at_most": st.integers(0, 20),
}
WHENS = st.fixed_dictionaries({}, optional=CONDITIONS)
NEEDS = st.integers(1, 9).flatmap(
    lambda approvals: st.fixed_dictionaries(
        {
            "approvals": st.just(approvals),
            "supervisors": st.integers(0, approvals),
            "step_up": st.sampled_from(["none", "password", "passkey"]),
            "reason": st.booleans(),
            "estimate": st.booleans(),
        }
    )
)
KNOWN_FACTS: dict[str, st.SearchStrategy[Any]] = {
    "mw": st.decimals(0, 80, places=3),
    "endpoints": st.integers(0, 300),
    "duration_min": st.integers(15, 300),
    "strategy": st.sampled_from(STRATEGIES),
    "edited": st.booleans(),
    "confidence": st.decimals(0, 1, places=2),
    "grid_state": st.sampled_from(GRID_STATES),
    "season_calls_left": st.integers(0, 20),
}
FACTS = st.builds(Facts, **{name: st.none() | known for name, known in KNOWN_FACTS.items()})
RULES = st.lists(st.tuples(WHENS, NEEDS), max_size=5).map(
    lambda found: rules_text(
        {"name": "every plan"},
        *({"name": f"rule {n}", "when": when, "needs": needs} for n, (when, needs) in enumerate(found)),
    )
)


@pytest.mark.django_db
class TestTwins:
    """`planning.core.policy` explains to people what PostgreSQL decides: they have to say the same."""

    @SHARED
    @given(when=WHENS, facts=FACTS)
    def test_agree_on_what_a_rule_matches(self, when: dict[str, Any], facts: Facts) -> None:
        rule = parse_policy(rules_text({"name": "every plan"}, {"name": "one", "when": when})).rules[1]
        told = {name: getattr(facts, name) for name in KNOWN_FACTS}
        said = value_of("SELECT planning_rule_matches(%s, %s)", json.dumps(when), json.dumps(told, default=float))
        assert said is matches(rule, facts)

    @SHARED
    @given(rules=RULES, facts=st.builds(Facts, **KNOWN_FACTS), left=st.none() | st.integers(0, 20))
    def test_agree_on_what_a_version_needs(self, rules: str, facts: Facts, left: int | None) -> None:
        facts = Facts(**{name: getattr(facts, name) for name in KNOWN_FACTS} | {"season_calls_left": left})
        with transaction.atomic():
            policy = put_in_force(rules)
            version = version_with(facts)
            said = requirement(version.pk)
            transaction.set_rollback(True)
        assert as_requirement(said) == requirement_of(parse_policy(policy.rules), facts)

    @pytest.mark.parametrize("fact", KNOWN_FACTS)
    def test_what_is_not_known_matches(self, fact: str) -> None:
        """Left out or null."""
        when = {
            "mw_at_least": "20",
            "mw_above": "20",
            "endpoints_at_least": 500,
            "duration_min_at_least": 500,
            "strategy": ["emergency"],
            "edited": True,
            "confidence_below": "0.1",
            "grid_state": ["emergency"],
            "season_calls_left_at_most": 1,
        }
        facts = {
            "mw": 1,
            "endpoints": 1,
            "duration_min": 1,
            "strategy": "balanced",
            "edited": False,
            "confidence": 0.9,
            "grid_state": "normal",
            "season_calls_left": 9,
        }
        for name, limit in when.items():
            about_it = name.startswith(fact)
            for told in (facts | {fact: None}, {each: value for each, value in facts.items() if each != fact}):
                said = value_of("SELECT planning_rule_matches(%s, %s)", json.dumps({name: limit}), json.dumps(told))
                assert said is about_it, name


def version_with(facts: Facts) -> PlanVersion:
    """A version that PostgreSQL reads exactly these facts from."""
    of = Cohort.objects.filter(slug="twin").first() or cohort("twin")
    plan = Plan.objects.create(origin="AGENT", requested_at=AT, mode="DRILL")
    number = 2 if facts.edited else 1
    asked = PlanRequest.objects.create(plan=plan, number=number, at=AT, strategy=str(facts.strategy))
    text = canonical_json(
        json.loads(content_of(plan, asked, of, Wanted(largest_mw=str(facts.mw)), sha256(b"{}")))
        | {
            "strategy": facts.strategy,
            "confidence": str(facts.confidence),
            "grid_state": facts.grid_state,
            "season_calls_left": facts.season_calls_left,
        }
    )
    version = PlanVersion.objects.create(
        plan=plan,
        number=number,
        request=asked,
        content=text,
        content_hash=sha256(text.encode()),
        window_start=START,
        window_end=START + timedelta(minutes=facts.duration_min or 0),
        proposed_at=AT,
    )
    PlannedEvent.objects.create(
        version=version,
        cohort=of,
        event_name=f"twin-{version.pk}",
        payload=b"{}",
        payload_sha256=sha256(b"{}"),
        starts_at=START,
        ends_at=START + timedelta(minutes=15),
        mean_mw=facts.mw,
        endpoints=facts.endpoints,
    )
    return version


def as_requirement(said: dict[str, Any]) -> Requirement:
    """PostgreSQL's words as the twin's record."""
    needs = {name: said[name] for name in ("approvals", "supervisors", "reason", "estimate")}
    return Requirement(Needs(step_up=StepUp[said["step_up"]], **needs), tuple(said["rules"]))


def insert_policy(
    text: str, *, by: User | None, number: int = 2, rules_sha256: str = "", reason: str = "why"
) -> list[Any]:
    return [number, text, rules_sha256 or sha256(text.encode()), by.pk if by else None, reason]


INSERT_POLICY = (
    "INSERT INTO planning_approvalpolicy (number, rules, rules_sha256, proposed_by_id, reason, wall_at)"
    " VALUES (%s, %s, %s, %s, %s, now())"
)
CONFIRM = (
    "INSERT INTO planning_policyconfirmation (policy_id, by_id, wall_at)"
    " SELECT id, %s, now() FROM planning_approvalpolicy WHERE number = %s"
)
ROLES = ("web", "owner")


@pytest.mark.django_db
class TestUnsound:
    """The CHECK refuses what the twin refuses, whoever writes the SQL."""

    @pytest.mark.parametrize("change", [case[0] for case in UNSOUND], ids=range(len(UNSOUND)))
    def test_refused_by_the_check(self, change: Callable[[Any], None], supervisor: User, as_role: AsRole) -> None:
        raw = json.loads(DEFAULT_POLICY)
        change(raw)
        for role in ROLES:
            with as_role(role):
                assert_refused("policy_is_sound", INSERT_POLICY, insert_policy(json.dumps(raw), by=supervisor))

    @pytest.mark.parametrize("text", ["", "{", "null", "[]", "5", '"rules"'])
    def test_what_is_no_object(self, text: str, supervisor: User, as_role: AsRole) -> None:
        for role in ROLES:
            with as_role(role):
                assert_refused("policy_is_sound", INSERT_POLICY, insert_policy(text, by=supervisor))

    @SHARED
    @given(st.data())
    def test_one_changed_value_is_judged_as_by_the_twin(self, data: st.DataObject) -> None:
        raw = json.loads(DEFAULT_POLICY)
        place = data.draw(st.sampled_from(_places(raw)))
        *parents, last = place
        inner = raw
        for each in parents:
            inner = inner[each]
        inner[last] = data.draw(ODD)
        text = json.dumps(raw)
        assert value_of("SELECT planning_policy_is_sound(%s)", text) is _twin_takes(text)

    @SHARED
    @given(RULES)
    def test_what_the_twin_reads_is_sound(self, rules: str) -> None:
        parse_policy(rules)
        assert value_of("SELECT planning_policy_is_sound(%s)", rules) is True

    def test_a_hash_that_is_not_of_the_rules(self, supervisor: User, as_role: AsRole) -> None:
        with as_role("web"):
            forged = insert_policy(TWO, by=supervisor, rules_sha256="0" * 64)
            assert_refused("policy_hash_is_of_rules", INSERT_POLICY, forged)

    def test_without_a_reason(self, supervisor: User, as_role: AsRole) -> None:
        with as_role("web"):
            nameless = insert_policy(TWO, by=supervisor, reason="")
            assert_refused("policy_change_names_person_and_reason", INSERT_POLICY, nameless)


NUMBERS = [None, True, False, 0, 1, 2, 9, 10, -1, 24, 25, 1.5, 10**12]
TEXTS = ["", " ", "0", "20", "20.5", "-1", "1e3", "NaN", "none", "passkey", "emergency", "every plan"]
LISTS: list[Any] = [[], {}, ["emergency"], ["balanced", "tight"], ["tight"], [5], [[]]]
ODD = st.sampled_from([*NUMBERS, *TEXTS, *LISTS])


def _places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value stands in a policy, outermost first."""
    inner = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    found = [(*path, name) for name, _value in inner]
    inner = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    return found + [place for name, value in inner for place in _places(value, (*path, name))]


def _twin_takes(text: str) -> bool:
    try:
        parse_policy(text)
    except PolicyUnsound:
        return False
    return True


@pytest.mark.django_db
class TestDefault:
    def test_is_in_force_from_the_start(self) -> None:
        row = ApprovalPolicy.objects.get()
        assert (row.number, row.rules, row.proposed_by, row.reason) == (1, DEFAULT_POLICY, None, "built in")
        assert row.rules_sha256 == hashlib.sha256(DEFAULT_POLICY.encode()).hexdigest()
        assert value_of("SELECT planning_policy_in_force()") == policy_in_force().number == 1

    def test_nobody_confirms_it_anew(self, supervisor: User, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("a change needs a second person", CONFIRM, [supervisor.pk, 1])

    def test_none_comes_in_beside_it_without_a_person(self, as_role: AsRole) -> None:
        with as_role("web"):
            assert_refused("may not change the approval policy", INSERT_POLICY, insert_policy(TWO, by=None))
            assert_refused("the next number is 2", INSERT_POLICY, insert_policy(TWO, by=None, number=1))


def propose(by: User, text: str = TWO, reason: str = "summer is over") -> ApprovalPolicy:
    return propose_policy(rules=text, by=by, at=AT, reason=reason, password=password_of(by))


def confirm(number: int, by: User) -> PolicyConfirmation:
    return confirm_policy(number=number, by=by, at=AT, password=password_of(by))


@pytest.mark.django_db
class TestChange:
    def test_two_people(self, supervisor: User, supervisor2: User, as_role: AsRole) -> None:
        with as_role("web"):
            made = propose(supervisor, json.dumps(json.loads(TWO), indent=1))
            assert (made.number, made.rules, made.proposed_by, made.reason) == (2, TWO, supervisor, "summer is over")
            assert policy_in_force().number == value_of("SELECT planning_policy_in_force()") == 1
            assert confirm(2, supervisor2).by == supervisor2
            assert policy_in_force().number == value_of("SELECT planning_policy_in_force()") == 2

    def test_the_proposer_alone(self, supervisor: User, as_role: AsRole) -> None:
        with as_role("web"):
            propose(supervisor)
            with refused(ConfirmationRefused, None, supervisor, "confirm policy") as caught:
                confirm(2, supervisor)
            assert str(caught.value) == "It cannot be confirmed: a change needs a second person."
            assert_refused("a change needs a second person", CONFIRM, [supervisor.pk, 2])
        assert policy_in_force().number == 1

    @pytest.mark.parametrize("roles", [[], ["operator"], ["auditor"], ["admin"]])
    def test_one_without_the_right(self, roles: list[str], supervisor: User, as_role: AsRole) -> None:
        by = person("petra", *roles)
        propose(supervisor)
        with as_role("web"):
            with refused(PermissionNeeded, None, by, "confirm policy"):
                confirm(2, by)
            with refused(PermissionNeeded, None, by, "propose policy"):
                propose(by)
            assert_refused("may not change the approval policy", CONFIRM, [by.pk, 2])
            assert_refused("may not change the approval policy", INSERT_POLICY, insert_policy(TWO, by=by, number=3))

    @pytest.mark.parametrize("flags", [{"is_active": False}, {"is_superuser": True}])
    @pytest.mark.parametrize("roles", [["supervisor"], []])
    def test_an_inactive_one_and_a_superuser(
        self, flags: dict[str, bool], roles: list[str], supervisor: User, as_role: AsRole
    ) -> None:
        by = person("petra", *roles, **flags)
        propose(supervisor)
        with as_role("web"):
            assert_refused("may not change the approval policy", CONFIRM, [by.pk, 2])
            assert_refused("may not change the approval policy", INSERT_POLICY, insert_policy(TWO, by=by, number=3))

    @pytest.mark.parametrize("also", ["admin", "auditor"])
    def test_a_supervisor_who_administers_or_audits(self, also: str, supervisor: User, as_web: None) -> None:
        by = person("petra", "supervisor", also)
        propose(supervisor)
        with refused(ConfirmationRefused, None, by, "confirm policy") as caught:
            confirm(2, by)
        assert "this person may not change the approval policy" in str(caught.value)
        with refused(PolicyRefused, None, by, "propose policy") as caught:
            propose(by)
        assert str(caught.value) == "The policy was refused: this person may not change the approval policy."

    def test_when_the_proposer_has_lost_the_right(self, supervisor: User, supervisor2: User, as_role: AsRole) -> None:
        propose(supervisor)
        supervisor.groups.clear()
        with as_role("web"), refused(ConfirmationRefused, None, supervisor2, "confirm policy") as caught:
            confirm(2, supervisor2)
        assert "whoever proposed it may no longer change the approval policy" in str(caught.value)

    def test_twice(self, supervisor: User, supervisor2: User, as_web: None) -> None:
        propose(supervisor)
        confirm(2, supervisor2)
        with refused(ConfirmationRefused, None, supervisor2, "confirm policy") as caught:
            confirm(2, supervisor2)
        assert str(caught.value) == "It cannot be confirmed: policy 2 is in force already."

    def test_an_older_proposal_once_a_newer_one_is_in_force(
        self, supervisor: User, supervisor2: User, as_web: None
    ) -> None:
        propose(supervisor)
        propose(supervisor, DEFAULT_POLICY)
        confirm(3, supervisor2)
        with refused(ConfirmationRefused, None, supervisor2, "confirm policy"):
            confirm(2, supervisor2)
        assert policy_in_force().number == 3

    def test_one_that_does_not_exist(self, supervisor: User, as_web: None) -> None:
        with refused(PolicyUnknown, None, supervisor, "confirm policy"):
            confirm(2, supervisor)

    def test_one_that_is_unsound(self, supervisor: User, as_web: None) -> None:
        nobody = json.dumps(json.loads(TWO.replace('"approvals":2', '"approvals":0')))
        with refused(PolicyInvalid, None, supervisor, "propose policy") as caught:
            propose(supervisor, nobody)
        assert str(caught.value) == "rules[0].needs.approvals: 1 to 9 is expected: a person always decides."

    @pytest.mark.parametrize("reason", ["", " \n"])
    def test_without_a_reason(self, reason: str, supervisor: User, as_web: None) -> None:
        with refused(ReasonMissing, None, supervisor, "propose policy"):
            propose(supervisor, reason=reason)


@pytest.mark.django_db
class TestVersions:
    """A version is decided under the policy that was in force as it was written, which its content names."""

    def test_an_older_plan_keeps_its_policy(self, plan: Plan) -> None:
        put_in_force(TWO)
        assert requirement(plan.current_version_id)["approvals"] == 1

    def test_a_newer_one_has_the_new_one(self, operator: User, pearland: Cohort) -> None:
        put_in_force(TWO)
        assert requirement(pending_plan(operator, pearland).current_version_id)["approvals"] == 2

    def test_a_proposal_nobody_confirmed_changes_nothing(
        self, supervisor: User, operator: User, pearland: Cohort
    ) -> None:
        propose(supervisor)
        assert requirement(pending_plan(operator, pearland).current_version_id)["approvals"] == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"policy_version": 1},
            {"policy_version": 3},
            {"policy_version": "2"},
            {"policy_version": None},
            {"policy_sha256": "0" * 64},
            {"policy_sha256": None},
        ],
    )
    def test_naming_another_policy_than_the_one_in_force(
        self, change: dict[str, Any], plan: Plan, supervisor: User, as_role: AsRole
    ) -> None:
        put_in_force(TWO)
        propose(supervisor)
        for role in ("worker", "owner"):
            with as_role(role):
                text = self._content(plan, **change)
                assert_refused("does not name the approval policy in force", INSERT_VERSION, self._version(plan, text))

    @pytest.mark.parametrize("name", ["policy_version", "policy_sha256"])
    def test_naming_none(self, name: str, plan: Plan, as_role: AsRole) -> None:
        text = self._content(plan, without=name)
        with as_role("worker"):
            assert_refused("does not name the approval policy in force", INSERT_VERSION, self._version(plan, text))

    @pytest.mark.parametrize("name", ["grid_state", "season_calls_left", "basis"])
    def test_without_what_the_policy_looks_at(self, name: str, plan: Plan, as_role: AsRole) -> None:
        text = self._content(plan, without=name)
        with as_role("worker"):
            assert_refused("what the policy looks at is missing", INSERT_VERSION, self._version(plan, text))

    def _content(self, plan: Plan, *, without: str = "", **change: Any) -> str:
        policy = policy_in_force()
        named = {"policy_version": policy.number, "policy_sha256": policy.sha256}
        whole = json.loads(plan.current_version.content) | named | change  # type: ignore[union-attr]
        whole.pop(without, None)
        return canonical_json(whole)

    def _version(self, plan: Plan, text: str) -> list[Any]:
        return [plan.pk, PlanRequest.objects.get(plan=plan).pk, text, sha256(text.encode())]

    def test_a_second_request_makes_it_edited(self, plan: Plan, supervisor: User) -> None:
        """Whatever number the version has and whatever its content says."""
        PlanRequest.objects.create(plan=plan, number=2, by=supervisor, at=AT, strategy="balanced")
        assert requirement(plan.current_version_id)["rules"] == ["every plan", "edited after the proposal"]


INSERT_VERSION = (
    "INSERT INTO planning_planversion (plan_id, number, request_id, content, content_hash, window_start, window_end,"
    " proposed_at, wall_at) VALUES (%s, 2, %s, %s, %s, now(), now() + interval '1 hour', now(), now())"
)


class TestMigration:
    def test_backwards_and_forwards(self, committed_db: CommittedDatabase) -> None:
        """With a plan, its vote and a policy of one's own in the tables; the old guards are back, then the new ones."""
        plan = pending_plan(person("olivia", "operator"), cohort())
        vote(plan, person("sam", "supervisor"), at=AT)
        put_in_force(TWO)
        functions = _functions()
        with acting_as("owner"):
            call_command("migrate", "planning", "0005", verbosity=0)
        assert _functions() == _FUNCTIONS_BEFORE
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None
        assert value_of("SELECT planning_required_votes(%s)", plan.current_version_id) == 1
        with acting_as("owner"):
            call_command("migrate", verbosity=0)
        assert _functions() == functions
        assert policy_in_force().number == 1
        assert value_of("SELECT planning_send_objection(%s)", plan.current_version_id) is None


_FUNCTIONS_BEFORE = {
    "planning_check_vote",
    "planning_content_is_whole",
    "planning_hold_clock",
    "planning_holds",
    "planning_largest_mw",
    "planning_refuse_rewrite",
    "planning_required_votes",
    "planning_send_objection",
    "planning_vote_objection",
    "planning_votes_for",
}


def _functions() -> set[str]:
    return {name for (name,) in run("SELECT proname FROM pg_proc WHERE starts_with(proname, 'planning_')")}
