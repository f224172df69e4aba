"""The approval policy: which plans need whose votes, how sure of the person, with or without words.

A policy is data: rules, each with what it looks at (`when`, all of which must hold) and what it asks for (`needs`). All
rules that match count together, and the strictest of each kind wins. PostgreSQL decides by the same rules
(`planning_requirement`, migrations/0008); this twin explains them to people and is tested against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from planning.core.canonical import canonical_json
from planning.core.strategy import Strategy

MOST_APPROVALS: Final = 9
AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
MOST_COUNTED: Final = 999_999_999
GRID_STATES: Final = ("normal", "watch", "tight", "emergency")


class StepUp(IntEnum):
    """How the person behind a vote was made sure of, weakest first."""

    NONE = 0
    PASSWORD = 1
    PASSKEY = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at, read from a version. `mw` is the largest interval's P50; None: not known, so it matches."""

    mw: Decimal | None
    endpoints: int | None
    duration_min: int | None
    strategy: str | None
    edited: bool | None
    confidence: Decimal | None
    grid_state: str | None
    season_calls_left: int | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule asks for; `supervisors` of the `approvals` have to be a supervisor's."""

    approvals: int = 1
    supervisors: int = 0
    step_up: StepUp = StepUp.NONE
    reason: bool = False
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`when` maps a condition's name to its limit; empty: every plan."""

    name: str
    when: Mapping[str, Any] = field(default_factory=dict)
    needs: Needs = Needs()


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """What one supervisor may force alone, and within how many hours somebody else must have looked at it."""

    max_mw: Decimal
    review_h: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole of it."""

    rules: tuple[Rule, ...]
    break_glass: BreakGlass


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy with its number and the SHA-256 of its text: what a content names."""

    number: int
    sha256: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one version needs, and by which rules."""

    needs: Needs
    rules: tuple[str, ...]


class PolicyUnsound(ValueError):
    """The text is no policy; `where` says which part and `why` what is wrong with it."""

    def __init__(self, where: str, why: str) -> None:
        self.where, self.why = where, why
        super().__init__(f"{where}: {why}")


def _at_least(fact: Any, limit: Any) -> bool:
    return bool(fact >= limit)


def _above(fact: Any, limit: Any) -> bool:
    return bool(fact > limit)


def _below(fact: Any, limit: Any) -> bool:
    return bool(fact < limit)


def _at_most(fact: Any, limit: Any) -> bool:
    return bool(fact <= limit)


def _is(fact: Any, limit: Any) -> bool:
    return bool(fact == limit)


def _among(fact: Any, limit: Any) -> bool:
    return fact in limit


NUMBER: Final = "a number in quotation marks"
WHOLE: Final = "a whole number"


@dataclass(frozen=True, slots=True)
class Condition:
    """One word of `when`: the fact it looks at, how, how it is said, and what may stand there."""

    fact: str
    holds: Callable[[Any, Any], bool]
    read: Callable[[Any], Any]
    words: str
    value: str

    @property
    def meaning(self) -> str:
        """`N MW or more in the largest quarter-hour`."""
        return self.words.format("N" if self.value in (NUMBER, WHOLE) else "...")


def _decimal(raw: Any) -> Decimal:
    if not isinstance(raw, str):
        raise ValueError("a number in quotation marks is expected")
    if not AMOUNT.fullmatch(raw):
        raise ValueError(f"{raw[:40]!r} is not a number, 0 or more, as in 20 or 0.85")
    return Decimal(raw)


def _whole(raw: Any) -> int:
    if type(raw) is not int or not 0 <= raw <= MOST_COUNTED:
        raise ValueError(f"a whole number from 0 to {MOST_COUNTED} is expected")
    return raw


def _yes(raw: Any) -> bool:
    if type(raw) is not bool:
        raise ValueError("true or false is expected")
    return raw


def _some_of(known: Sequence[str]) -> Callable[[Any], tuple[str, ...]]:
    def read(raw: Any) -> tuple[str, ...]:
        if not isinstance(raw, list) or not raw or not all(each in known for each in raw):
            raise ValueError(f"a list out of {', '.join(known)} is expected")
        return tuple(raw)

    return read


CONDITIONS: Final[Mapping[str, Condition]] = {
    "mw_at_least": Condition("mw", _at_least, _decimal, "{} MW or more in the largest quarter-hour", NUMBER),
    "mw_above": Condition("mw", _above, _decimal, "more than {} MW in the largest quarter-hour", NUMBER),
    "endpoints_at_least": Condition("endpoints", _at_least, _whole, "{} endpoints or more", WHOLE),
    "duration_min_at_least": Condition("duration_min", _at_least, _whole, "{} minutes or longer", WHOLE),
    "strategy": Condition(
        "strategy",
        _among,
        _some_of([s.value for s in Strategy]),
        "strategy {}",
        f"a list out of {', '.join(s.value for s in Strategy)}",
    ),
    "edited": Condition("edited", _is, _yes, "edited after the proposal: {}", "true or false"),
    "confidence_below": Condition("confidence", _below, _decimal, "confidence below {}", NUMBER),
    "grid_state": Condition(
        "grid_state", _among, _some_of(GRID_STATES), "grid state {}", f"a list out of {', '.join(GRID_STATES)}"
    ),
    "season_calls_left_at_most": Condition(
        "season_calls_left", _at_most, _whole, "a cohort with {} calls or fewer left this season", WHOLE
    ),
}


def requirement_of(policy: Policy, facts: Facts) -> Requirement:
    """The strictest of everything the matching rules ask for."""
    matching = [rule for rule in policy.rules if matches(rule, facts)]
    needs = [rule.needs for rule in matching]
    return Requirement(
        Needs(
            approvals=max(each.approvals for each in needs),
            supervisors=max(each.supervisors for each in needs),
            step_up=max(each.step_up for each in needs),
            reason=any(each.reason for each in needs),
            estimate=any(each.estimate for each in needs),
        ),
        tuple(rule.name for rule in matching),
    )


def matches(rule: Rule, facts: Facts) -> bool:
    """Whether all of `when` holds; what is not known counts as holding, so that a gap never makes it easier."""
    return all(
        (fact := getattr(facts, CONDITIONS[name].fact)) is None or CONDITIONS[name].holds(fact, limit)
        for name, limit in rule.when.items()
    )


def words_of(rule: Rule) -> str:
    """`20 MW or more in the largest quarter-hour`; `every plan` for a rule without conditions."""
    if not rule.when:
        return "every plan"
    return ", and ".join(CONDITIONS[name].words.format(_said(limit)) for name, limit in sorted(rule.when.items()))


def _said(limit: Any) -> str:
    if isinstance(limit, bool):
        return "yes" if limit else "no"
    return " or ".join(limit) if isinstance(limit, tuple) else str(limit)


def parse_policy(text: str) -> Policy:
    """The policy of a JSON text. Raises PolicyUnsound naming the first part that is wrong."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise PolicyUnsound("policy", f"not JSON ({error})") from None
    _expect_keys("policy", raw, {"rules", "break_glass"})
    if not isinstance(raw["rules"], list) or not raw["rules"]:
        raise PolicyUnsound("rules", "a list with at least one rule is expected")
    rules = tuple(_rule(f"rules[{index}]", each) for index, each in enumerate(raw["rules"]))
    if not any(not rule.when for rule in rules):
        raise PolicyUnsound("rules", "one rule without conditions is needed, so that no plan is without a rule")
    if len({rule.name for rule in rules}) != len(rules):
        raise PolicyUnsound("rules", "two rules have the same name")
    return Policy(rules, _break_glass(raw["break_glass"]))


def policy_text(text: str) -> str:
    """The canonical text of a sound policy. Raises PolicyUnsound."""
    parse_policy(text)
    return canonical_json(json.loads(text))


def _rule(where: str, raw: Any) -> Rule:
    _expect_keys(where, raw, {"name", "when", "needs"})
    if not isinstance(raw["name"], str) or not raw["name"].strip() or not raw["name"].isprintable():
        raise PolicyUnsound(f"{where}.name", "a name is expected")
    return Rule(raw["name"], _when(f"{where}.when", raw["when"]), _needs(f"{where}.needs", raw["needs"]))


def _when(where: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or not set(raw) <= set(CONDITIONS):
        raise PolicyUnsound(where, f"an object with conditions out of {', '.join(CONDITIONS)} is expected")
    found = {}
    for name, limit in raw.items():
        try:
            found[name] = CONDITIONS[name].read(limit)
        except ValueError as error:
            raise PolicyUnsound(f"{where}.{name}", str(error)) from None
    return found


def _needs(where: str, raw: Any) -> Needs:
    _expect_keys(where, raw, {"approvals", "supervisors", "step_up", "reason", "estimate"})
    try:
        needs = Needs(
            approvals=_whole(raw["approvals"]),
            supervisors=_whole(raw["supervisors"]),
            step_up=_step_up(raw["step_up"]),
            reason=_yes(raw["reason"]),
            estimate=_yes(raw["estimate"]),
        )
    except ValueError as error:
        raise PolicyUnsound(where, str(error)) from None
    if not 1 <= needs.approvals <= MOST_APPROVALS:
        raise PolicyUnsound(f"{where}.approvals", f"1 to {MOST_APPROVALS} is expected: a person always decides")
    if needs.supervisors > needs.approvals:
        raise PolicyUnsound(f"{where}.supervisors", "more supervisors than approvals")
    return needs


def _step_up(raw: Any) -> StepUp:
    names = [each.name.lower() for each in StepUp]
    if raw not in names:
        raise ValueError(f"step_up is one of {', '.join(names)}")
    return StepUp[raw.upper()]


def _break_glass(raw: Any) -> BreakGlass:
    _expect_keys("break_glass", raw, {"max_mw", "review_h"})
    try:
        found = BreakGlass(_decimal(raw["max_mw"]), _whole(raw["review_h"]))
    except ValueError as error:
        raise PolicyUnsound("break_glass", str(error)) from None
    if not 1 <= found.review_h <= 24:
        raise PolicyUnsound("break_glass.review_h", "1 to 24 hours are expected")
    return found


def _expect_keys(where: str, raw: Any, keys: set[str]) -> None:
    if not isinstance(raw, dict) or set(raw) != keys:
        raise PolicyUnsound(where, f"an object with exactly {', '.join(sorted(keys))} is expected")


def _default_rule(
    name: str, when: Mapping[str, Any], approvals: int, supervisors: int, step_up: str, **more: bool
) -> Any:
    needs = {"approvals": approvals, "supervisors": supervisors, "step_up": step_up, "reason": False, "estimate": False}
    return {"name": name, "when": dict(when), "needs": needs | more}


DEFAULT_POLICY: Final = canonical_json(
    {
        "rules": [
            _default_rule("every plan", {}, 1, 0, "none"),
            _default_rule("20 MW or more", {"mw_at_least": "20"}, 1, 1, "password"),
            _default_rule("more than 60 MW", {"mw_above": "60"}, 2, 1, "passkey", reason=True, estimate=True),
            _default_rule("edited after the proposal", {"edited": True}, 2, 1, "passkey", reason=True),
            _default_rule("emergency", {"strategy": ["emergency"]}, 2, 1, "passkey", reason=True, estimate=True),
        ],
        "break_glass": {"max_mw": "60", "review_h": 24},
    }
)
"""What is in force until two people have agreed on another. MW tiers and the cap are the utility's to set [A]."""
