"""`manage.py scenario` on the reference history: the whole job, headless, as an integrator would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HISTORY = "data/ercot_history/ercot_hourly_joined_2023_2025.csv"
ENROLLED_MW = 103.9
KEYS = {
    "day",
    "grid_peak_mw",
    "price_peak_usd_per_mwh",
    "strategy",
    "window",
    "target_mw",
    "planned_p50_mw",
    "firm_p90_mw",
    "confidence",
    "events_sent",
    "endpoints",
    "opt_outs",
    "planned_mw",
    "delivered_mw",
    "delivered_mwh",
    "rebound_mwh",
    "cost_usd",
    "value_usd",
    "called",
    "reason",
}

pytestmark = pytest.mark.shared_data


def run_scenario(name: str, history: Path, *options: str) -> subprocess.CompletedProcess[str]:
    hidden = {"DATABASE_URL", "WORKER_DATABASE_URL", "DISPATCH_DATABASE_URL", "OWNER_DATABASE_URL", "PORTAL_ROLE"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [sys.executable, "manage.py", "scenario", name, "--replay", str(history), *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def played(name: str, history: Path, *options: str) -> dict[str, Any]:
    run = run_scenario(name, history, *options)
    assert run.returncode == 0, run.stderr
    story: dict[str, Any] = json.loads(run.stdout)
    return story


@pytest.fixture(scope="module")
def history(shared_dir: Path) -> Path:
    return shared_dir / HISTORY


@pytest.fixture(scope="module")
def eea2(history: Path) -> dict[str, Any]:
    return played("eea2_2023", history)


class TestCalledDay:
    def test_has_exactly_the_promised_members(self, eea2: dict[str, Any]) -> None:
        assert set(eea2) == KEYS

    def test_knows_the_day(self, eea2: dict[str, Any]) -> None:
        assert eea2["day"] == "2023-09-06"
        assert eea2["grid_peak_mw"] == pytest.approx(82_607.18)
        assert eea2["price_peak_usd_per_mwh"] == pytest.approx(5_459.835)

    def test_is_called_in_the_evening(self, eea2: dict[str, Any]) -> None:
        assert eea2["called"] is True
        assert eea2["window"]["end"] > "2023-09-06T19:00:00-05:00"

    def test_keeps_energy_and_numbers_in_balance(self, eea2: dict[str, Any]) -> None:
        quarters = len(eea2["delivered_mw"])
        assert quarters == len(eea2["planned_mw"]) > 0
        assert eea2["delivered_mwh"] == pytest.approx(sum(eea2["delivered_mw"]) / 4, abs=1e-6)
        assert sum(eea2["planned_mw"]) / quarters == pytest.approx(eea2["planned_p50_mw"], rel=0.03)
        assert 0 <= eea2["firm_p90_mw"] <= eea2["planned_p50_mw"] <= ENROLLED_MW
        assert max(eea2["delivered_mw"]) <= ENROLLED_MW

    def test_calls_within_what_is_enrolled(self, eea2: dict[str, Any]) -> None:
        assert 1 <= eea2["events_sent"] <= 6
        assert 0 < eea2["endpoints"] <= 13_000
        assert 0 <= eea2["opt_outs"] < eea2["endpoints"]

    def test_gives_a_probability(self, eea2: dict[str, Any]) -> None:
        assert 0 <= eea2["confidence"] <= 1

    def test_counts_money_and_rebound(self, eea2: dict[str, Any]) -> None:
        assert eea2["cost_usd"] > 0
        assert eea2["value_usd"] > 0
        assert 0 < eea2["rebound_mwh"] < eea2["delivered_mwh"]


class TestSeeds:
    def test_same_seed_same_json_other_seed_other_delivery(self, history: Path, eea2: dict[str, Any]) -> None:
        assert played("2023-09-06", history, "--seed", "1") == eea2
        other = played("2023-09-06", history, "--seed", "2")
        assert other["delivered_mw"] != eea2["delivered_mw"]
        assert other["planned_mw"] == eea2["planned_mw"], "the seed is of the endpoints' truth, not of the plan"


class TestOtherDays:
    def test_the_record_day_is_called(self, history: Path) -> None:
        assert played("record_peak_2023", history)["called"] is True

    @pytest.mark.parametrize(("name", "day"), [("record_tie_2024", "2024-08-20"), ("mild_stress_2025", "2025-08-18")])
    def test_the_other_named_days_play(self, history: Path, name: str, day: str) -> None:
        story = played(name, history)
        assert story["day"] == day
        assert set(story) == KEYS

    @pytest.mark.parametrize("day", ["2024-02-10", "2023-03-12", "2023-11-05"])
    def test_a_mild_day_is_not_called_and_says_why(self, history: Path, day: str) -> None:
        story = played(day, history)
        assert story["called"] is False
        assert story["reason"]
        assert story["planned_mw"] == story["delivered_mw"] == []
        assert story["window"] is story["target_mw"] is story["delivered_mwh"] is None


class TestNoLookAhead:
    def test_later_prices_change_nothing_earlier_ones_change_the_plan(
        self, history: Path, eea2: dict[str, Any], tmp_path: Path
    ) -> None:
        later = tmp_path / "later.csv"
        rewrite_prices(history, later, lambda hour: hour >= "2023-09-06T23:00", factor=0.1)
        changed_later = played("2023-09-06", later)
        assert changed_later["planned_mw"] == eea2["planned_mw"]
        assert changed_later["window"] == eea2["window"]
        assert changed_later["target_mw"] == eea2["target_mw"]

        earlier = tmp_path / "earlier.csv"
        rewrite_prices(history, earlier, lambda hour: hour < "2023-09-06T05:00", factor=4.0)
        changed_earlier = played("2023-09-06", earlier)
        assert changed_earlier["planned_mw"] != eea2["planned_mw"]


class TestRefusals:
    def test_an_unknown_scenario_is_named(self, history: Path) -> None:
        run = run_scenario("no_such_day", history)
        assert run.returncode != 0
        assert "no_such_day" in run.stderr

    def test_a_day_outside_the_file_is_refused(self, history: Path) -> None:
        run = run_scenario("2019-08-12", history)
        assert run.returncode != 0
        assert "2019-08-12" in run.stderr

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        run = run_scenario("2023-09-06", tmp_path / "none.csv")
        assert run.returncode != 0
        assert "none.csv" in run.stderr


def rewrite_prices(source: Path, target: Path, chosen: Any, *, factor: float) -> None:
    """A copy of the history with the real-time prices of the chosen hours (UTC text) multiplied."""
    lines = source.read_text().splitlines()
    header = lines[0].split(",")
    columns = [index for index, name in enumerate(header) if name.startswith("rtm_")]
    rewritten = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        if chosen(cells[0]):
            for index in columns:
                if cells[index]:
                    cells[index] = str(round(float(cells[index]) * factor, 4))
        rewritten.append(",".join(cells))
    target.write_text("\n".join(rewritten) + "\n")


class TestWhereTheJsonGoes:
    @pytest.mark.parametrize("target", ["nowhere/story.json", "."])
    def test_a_place_that_cannot_be_written_is_refused_before_the_day_is_played(
        self, target: str, tmp_path: Path
    ) -> None:
        command = [sys.executable, "manage.py", "scenario", "eea2_2023", "--replay", str(tmp_path / "missing.csv")]
        run = subprocess.run(
            [*command, "--json", str(tmp_path / target)], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 1
        assert run.stderr.startswith("CommandError: --json ")
        assert not run.stdout
