"""The approval policy as text and as rules: what is no policy, which rules match, and that the strictest wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from planning.core.policy import (
    DEFAULT_POLICY,
    BreakGlass,
    Facts,
    Needs,
    PolicyUnsound,
    Rule,
    StepUp,
    matches,
    parse_policy,
    policy_text,
    requirement_of,
    words_of,
)

DEFAULTS = parse_policy(DEFAULT_POLICY)
SMALL = Facts(
    mw=Decimal("15.000"),
    endpoints=100,
    duration_min=120,
    strategy="balanced",
    edited=False,
    confidence=Decimal("0.8300"),
    grid_state="tight",
    season_calls_left=12,
)
ONE = Needs()
ONE_SUPERVISOR = Needs(1, 1, StepUp.PASSWORD)
TWO = Needs(2, 1, StepUp.PASSKEY, reason=True)
TWO_WITH_ESTIMATE = Needs(2, 1, StepUp.PASSKEY, reason=True, estimate=True)


class TestRequirementOfTheDefaults:
    """By hand from the product's table of tiers."""

    @pytest.mark.parametrize(
        ("change", "needs", "rules"),
        [
            ({"mw": "0"}, ONE, ["every plan"]),
            ({"mw": "19.999"}, ONE, ["every plan"]),
            ({"mw": "20"}, ONE_SUPERVISOR, ["every plan", "20 MW or more"]),
            ({"mw": "20.000"}, ONE_SUPERVISOR, ["every plan", "20 MW or more"]),
            ({"mw": "60"}, ONE_SUPERVISOR, ["every plan", "20 MW or more"]),
            ({"mw": "60.001"}, TWO_WITH_ESTIMATE, ["every plan", "20 MW or more", "more than 60 MW"]),
            ({"edited": True}, TWO, ["every plan", "edited after the proposal"]),
            (
                {"mw": "35", "edited": True},
                TWO,
                ["every plan", "20 MW or more", "edited after the proposal"],
            ),
            ({"strategy": "emergency"}, TWO_WITH_ESTIMATE, ["every plan", "emergency"]),
            (
                {"mw": "61", "edited": True, "strategy": "emergency"},
                TWO_WITH_ESTIMATE,
                ["every plan", "20 MW or more", "more than 60 MW", "edited after the proposal", "emergency"],
            ),
            ({"strategy": "cost_minimize"}, ONE, ["every plan"]),
            ({"grid_state": "emergency"}, ONE, ["every plan"]),
        ],
    )
    def test_each_tier_and_its_edges(self, change: dict[str, Any], needs: Needs, rules: list[str]) -> None:
        facts = replace(SMALL, **change | ({"mw": Decimal(change["mw"])} if "mw" in change else {}))
        found = requirement_of(DEFAULTS, facts)
        assert (found.needs, list(found.rules)) == (needs, rules)

    @pytest.mark.parametrize(
        ("unknown", "needs"),
        [("mw", TWO_WITH_ESTIMATE), ("edited", TWO), ("strategy", TWO_WITH_ESTIMATE), ("grid_state", ONE)],
    )
    def test_what_is_not_known_never_makes_it_easier(self, unknown: str, needs: Needs) -> None:
        assert requirement_of(DEFAULTS, replace(SMALL, **{unknown: None})).needs == needs

    def test_nothing_known_asks_for_everything(self) -> None:
        found = requirement_of(DEFAULTS, Facts(None, None, None, None, None, None, None, None))
        assert (found.needs, len(found.rules)) == (TWO_WITH_ESTIMATE, 5)

    def test_what_one_person_may_force(self) -> None:
        assert DEFAULTS.break_glass == BreakGlass(Decimal(60), 24)


def policy(*rules: dict[str, Any]) -> Any:
    plain = {"approvals": 1, "supervisors": 0, "step_up": "none", "reason": False, "estimate": False}
    whole = [
        {"name": f"rule {n}", "when": {}} | rule | {"needs": plain | rule["needs"]} for n, rule in enumerate(rules)
    ]
    return {"rules": whole, "break_glass": {"max_mw": "60", "review_h": 24}}


class TestStrictestWins:
    def test_of_each_kind_by_itself(self) -> None:
        found = parse_policy(
            json.dumps(
                policy(
                    {"needs": {"approvals": 3}},
                    {"needs": {"approvals": 2, "supervisors": 2}},
                    {"needs": {"step_up": "password", "reason": True}},
                    {"needs": {"estimate": True}},
                )
            )
        )
        assert requirement_of(found, SMALL).needs == Needs(3, 2, StepUp.PASSWORD, reason=True, estimate=True)

    def test_rules_that_do_not_match_add_nothing(self) -> None:
        found = parse_policy(json.dumps(policy({"needs": {}}, {"when": {"mw_above": "15"}, "needs": {"approvals": 9}})))
        assert requirement_of(found, SMALL).needs == ONE

    def test_the_order_of_rules_is_nothing_to_it(self) -> None:
        turned = replace(DEFAULTS, rules=DEFAULTS.rules[::-1])
        facts = replace(SMALL, mw=Decimal(61), edited=True)
        assert requirement_of(turned, facts).needs == requirement_of(DEFAULTS, facts).needs == TWO_WITH_ESTIMATE


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "limit", "below", "at", "above"),
        [
            ("mw_at_least", Decimal(15), "14.999", "15", "15.001"),
            ("endpoints_at_least", 100, 99, 100, 101),
            ("duration_min_at_least", 120, 119, 120, 121),
        ],
    )
    def test_at_least(self, condition: str, limit: Any, below: Any, at: Any, above: Any) -> None:
        assert self._holds(condition, limit, below, at, above) == [False, True, True]

    def test_above(self) -> None:
        assert self._holds("mw_above", Decimal(15), "14.999", "15", "15.001") == [False, False, True]

    def test_below(self) -> None:
        assert self._holds("confidence_below", Decimal("0.8"), "0.7999", "0.8", "0.8001") == [True, False, False]

    def test_at_most(self) -> None:
        assert self._holds("season_calls_left_at_most", 3, 2, 3, 4) == [True, True, False]

    def _holds(self, condition: str, limit: Any, *facts: Any) -> list[bool]:
        name = (
            condition.removesuffix("_at_least").removesuffix("_above").removesuffix("_below").removesuffix("_at_most")
        )
        values = [Decimal(each) if isinstance(each, str) else each for each in facts]
        return [matches(Rule("one", {condition: limit}), replace(SMALL, **{name: each})) for each in values]

    @pytest.mark.parametrize(
        ("edited", "limit", "holds"), [(True, True, True), (True, False, False), (False, False, True)]
    )
    def test_edited(self, edited: bool, limit: bool, holds: bool) -> None:
        assert matches(Rule("one", {"edited": limit}), replace(SMALL, edited=edited)) is holds

    def test_among(self) -> None:
        rule = Rule("one", {"strategy": ("emergency", "balanced")})
        assert matches(rule, SMALL)
        assert not matches(rule, replace(SMALL, strategy="cost_minimize"))

    def test_all_have_to_hold(self) -> None:
        rule = Rule("one", {"mw_at_least": Decimal(10), "grid_state": ("emergency",)})
        assert not matches(rule, SMALL)
        assert matches(rule, replace(SMALL, grid_state="emergency"))
        assert matches(rule, replace(SMALL, grid_state=None))

    @pytest.mark.parametrize(
        ("when", "words"),
        [
            ({}, "every plan"),
            ({"mw_at_least": Decimal(20)}, "20 MW or more in the largest quarter-hour"),
            ({"edited": False}, "edited after the proposal: no"),
            (
                {"strategy": ("emergency", "balanced"), "mw_above": Decimal("60.5")},
                "more than 60.5 MW in the largest quarter-hour, and strategy emergency or balanced",
            ),
        ],
    )
    def test_in_words(self, when: dict[str, Any], words: str) -> None:
        assert words_of(Rule("one", when)) == words


def without(path: str) -> Callable[[Any], None]:
    def change(raw: Any) -> None:
        *parents, last = path.split(".")
        for each in parents:
            raw = raw[int(each) if each.isdigit() else each]
        del raw[int(last) if last.isdigit() else last]

    return change


def put(path: str, value: Any) -> Callable[[Any], None]:
    def change(raw: Any) -> None:
        *parents, last = path.split(".")
        for each in parents:
            raw = raw[int(each) if each.isdigit() else each]
        raw[int(last) if last.isdigit() else last] = value

    return change


UNSOUND: list[tuple[Callable[[Any], None], str, str]] = [
    (without("rules"), "policy", "an object with exactly break_glass, rules is expected"),
    (without("break_glass"), "policy", "an object with exactly break_glass, rules is expected"),
    (put("extra", 1), "policy", "an object with exactly break_glass, rules is expected"),
    (put("rules", []), "rules", "a list with at least one rule is expected"),
    (put("rules", {}), "rules", "a list with at least one rule is expected"),
    (without("rules.0"), "rules", "one rule without conditions is needed, so that no plan is without a rule"),
    (put("rules.1.name", "every plan"), "rules", "two rules have the same name"),
    (put("rules.0", "every plan"), "rules[0]", "an object with exactly name, needs, when is expected"),
    (put("rules.0.then", 1), "rules[0]", "an object with exactly name, needs, when is expected"),
    (put("rules.2.name", "  "), "rules[2].name", "a name is expected"),
    (put("rules.2.name", "two\nlines"), "rules[2].name", "a name is expected"),
    (put("rules.2.name", "\ud800"), "rules[2].name", "a name is expected"),
    (put("rules.2.name", 5), "rules[2].name", "a name is expected"),
    (put("rules.1.when", []), "rules[1].when", "an object with conditions out of mw_at_least"),
    (put("rules.1.when.mw", "20"), "rules[1].when", "an object with conditions out of mw_at_least"),
    (put("rules.1.when.mw_at_least", 20), "rules[1].when.mw_at_least", "a number in quotation marks is expected"),
    (put("rules.1.when.mw_at_least", None), "rules[1].when.mw_at_least", "a number in quotation marks is expected"),
    (put("rules.1.when.mw_at_least", "many"), "rules[1].when.mw_at_least", "'many' is not a number"),
    (put("rules.1.when.mw_at_least", "-1"), "rules[1].when.mw_at_least", "'-1' is not a number"),
    (put("rules.1.when.mw_at_least", "NaN"), "rules[1].when.mw_at_least", "'NaN' is not a number"),
    (put("rules.1.when.mw_at_least", "Infinity"), "rules[1].when.mw_at_least", "'Infinity' is not a number"),
    (put("rules.1.when.mw_at_least", "1e3"), "rules[1].when.mw_at_least", "'1e3' is not a number"),
    (put("rules.1.when.mw_at_least", "٢٠"), "rules[1].when.mw_at_least", "'٢٠' is not a number"),
    (
        put("rules.1.when.endpoints_at_least", "5"),
        "rules[1].when.endpoints_at_least",
        "a whole number from 0 to 999999999 is expected",
    ),
    (
        put("rules.1.when.endpoints_at_least", 1.5),
        "rules[1].when.endpoints_at_least",
        "a whole number from 0 to 999999999 is expected",
    ),
    (
        put("rules.1.when.endpoints_at_least", True),
        "rules[1].when.endpoints_at_least",
        "a whole number from 0 to 999999999 is expected",
    ),
    (
        put("rules.1.when.endpoints_at_least", -1),
        "rules[1].when.endpoints_at_least",
        "a whole number from 0 to 999999999 is expected",
    ),
    (
        put("rules.1.when.season_calls_left_at_most", 10**12),
        "rules[1].when.season_calls_left_at_most",
        "a whole number from 0 to 999999999 is expected",
    ),
    (put("rules.3.when.edited", "yes"), "rules[3].when.edited", "true or false is expected"),
    (put("rules.3.when.edited", 1), "rules[3].when.edited", "true or false is expected"),
    (put("rules.4.when.strategy", "emergency"), "rules[4].when.strategy", "a list out of "),
    (put("rules.4.when.strategy", []), "rules[4].when.strategy", "a list out of "),
    (put("rules.4.when.strategy", ["panic"]), "rules[4].when.strategy", "a list out of "),
    (put("rules.4.when.strategy", [["emergency"]]), "rules[4].when.strategy", "a list out of "),
    (
        put("rules.4.when.grid_state", ["calm"]),
        "rules[4].when.grid_state",
        "a list out of normal, watch, tight, emergency",
    ),
    (put("rules.0.needs.approvals", 0), "rules[0].needs.approvals", "1 to 9 is expected: a person always decides"),
    (put("rules.0.needs.approvals", 10), "rules[0].needs.approvals", "1 to 9 is expected: a person always decides"),
    (put("rules.0.needs.approvals", -1), "rules[0].needs", "a whole number from 0 to 999999999 is expected"),
    (put("rules.0.needs.approvals", "2"), "rules[0].needs", "a whole number from 0 to 999999999 is expected"),
    (put("rules.0.needs.supervisors", 2), "rules[0].needs.supervisors", "more supervisors than approvals"),
    (put("rules.0.needs.step_up", "sms"), "rules[0].needs", "step_up is one of none, password, passkey"),
    (put("rules.0.needs.step_up", None), "rules[0].needs", "step_up is one of none, password, passkey"),
    (put("rules.0.needs.step_up", ["none"]), "rules[0].needs", "step_up is one of none, password, passkey"),
    (put("rules.0.needs.reason", 0), "rules[0].needs", "true or false is expected"),
    (put("rules.0.needs.estimate", "false"), "rules[0].needs", "true or false is expected"),
    (without("rules.0.needs.reason"), "rules[0].needs", "an object with exactly approvals, estimate, reason"),
    (put("break_glass.max_mw", 60), "break_glass", "a number in quotation marks is expected"),
    (put("break_glass.max_mw", "-0.001"), "break_glass", "'-0.001' is not a number"),
    (put("break_glass.max_mw", "Infinity"), "break_glass", "'Infinity' is not a number"),
    (put("break_glass.review_h", 0), "break_glass.review_h", "1 to 24 hours are expected"),
    (put("break_glass.review_h", 25), "break_glass.review_h", "1 to 24 hours are expected"),
    (without("break_glass.review_h"), "break_glass", "an object with exactly max_mw, review_h is expected"),
]


class TestParse:
    @pytest.mark.parametrize(("change", "where", "why"), UNSOUND, ids=range(len(UNSOUND)))
    def test_the_part_that_is_wrong_is_named(self, change: Callable[[Any], None], where: str, why: str) -> None:
        raw = json.loads(DEFAULT_POLICY)
        change(raw)
        with pytest.raises(PolicyUnsound) as caught:
            parse_policy(json.dumps(raw))
        assert caught.value.where == where
        assert caught.value.why.startswith(why)
        assert str(caught.value) == f"{where}: {caught.value.why}"

    @pytest.mark.parametrize("text", ["", "{", "{'rules': []}"])
    def test_what_is_no_json(self, text: str) -> None:
        with pytest.raises(PolicyUnsound) as caught:
            parse_policy(text)
        assert caught.value.where == "policy"
        assert caught.value.why.startswith("not JSON (")

    @pytest.mark.parametrize("text", ["[]", "null", "5", '"rules"'])
    def test_json_that_is_no_object(self, text: str) -> None:
        with pytest.raises(PolicyUnsound) as caught:
            parse_policy(text)
        assert caught.value.where == "policy"

    def test_names_of_the_defaults(self) -> None:
        assert [rule.name for rule in DEFAULTS.rules] == [
            "every plan",
            "20 MW or more",
            "more than 60 MW",
            "edited after the proposal",
            "emergency",
        ]

    def test_the_text_is_canonical(self) -> None:
        spread = json.dumps(json.loads(DEFAULT_POLICY), indent=2, sort_keys=False)
        assert spread != DEFAULT_POLICY
        assert policy_text(spread) == policy_text(DEFAULT_POLICY) == DEFAULT_POLICY

    def test_the_text_of_what_is_unsound_is_refused(self) -> None:
        with pytest.raises(PolicyUnsound):
            policy_text("{}")
