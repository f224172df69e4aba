"""Days worth replaying and what ERCOT declared on them, from fixtures/scenarios."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

SCENARIOS_DIR = Path(__file__).resolve().parent.parent.parent / "fixtures" / "scenarios"


@dataclass(frozen=True, slots=True)
class ScenarioFact:
    """Something ERCOT said at an instant; `eea_level` where it declared one."""

    at: datetime
    text: str
    eea_level: int | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One operating day (Central) and its facts, oldest first."""

    id: str
    title: str
    day: date
    facts: tuple[ScenarioFact, ...]


@lru_cache(maxsize=1)
def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by id."""
    found = (_scenario(json.loads(path.read_text())) for path in sorted(SCENARIOS_DIR.glob("*.json")))
    return {scenario.id: scenario for scenario in found}


def all_facts() -> tuple[ScenarioFact, ...]:
    """The facts of all scenarios, oldest first."""
    return tuple(sorted((fact for s in scenarios().values() for fact in s.facts), key=lambda fact: fact.at))


def _scenario(entry: Mapping[str, Any]) -> Scenario:
    facts = (
        ScenarioFact(datetime.fromisoformat(fact["at"]).astimezone(UTC), fact["text"], fact.get("eea_level"))
        for fact in entry["facts"]
    )
    ordered = tuple(sorted(facts, key=lambda fact: fact.at))
    return Scenario(entry["id"], entry["title"], date.fromisoformat(entry["day"]), ordered)
