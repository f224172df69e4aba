"""Events: bytes that OpenADR 3.1.0 accepts and that say exactly what was planned."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.core.endpoints import EndpointRange, TooFewEndpoints, assign_endpoints, count, ranges_of
from planning.core.event import (
    EventInterval,
    EventUnreadable,
    event_intervals,
    event_name,
    event_span,
    read_event,
    render_cancel,
    render_event,
)
from planning.core.solution import CohortPlan, Run
from planning.core.solve import solve
from planning.core.strategy import Strategy
from tests.core.fleet import EV, THERMOSTAT, local, problem

AT = datetime(2023, 9, 6, 21, 0, tzinfo=UTC)


def rendered(intervals=None, **changes):
    made = {
        "program_id": "0",
        "name": "plan-7-v2-residential-ev-austin",
        "strategy": Strategy.RELIABILITY,
        "targets": ("residential-ev-austin",),
        "starts_at": AT,
        "intervals": intervals or (EventInterval(1234.56, ranges_of(range(1, 1201))), EventInterval(0.0, ())),
    }
    return render_event(**(made | changes))


class TestRender:
    def test_the_bytes(self):
        assert rendered() == (
            b'{"eventName":"plan-7-v2-residential-ev-austin","intervalPeriod":{"duration":"PT15M",'
            b'"start":"2023-09-06T21:00:00Z"},"intervals":[{"id":0,"payloads":[{"type":"DISPATCH_SETPOINT_RELATIVE",'
            b'"values":[-1234.6]},{"type":"X_ENDPOINT_RANGES","values":["1-1200"]}]},{"id":1,"payloads":[{"type":'
            b'"DISPATCH_SETPOINT_RELATIVE","values":[0.0]},{"type":"X_ENDPOINT_RANGES","values":[]}]}],'
            b'"payloadDescriptors":[{"objectType":"EVENT_PAYLOAD_DESCRIPTOR","payloadType":"DISPATCH_SETPOINT_RELATIVE",'
            b'"units":"KW"},{"objectType":"EVENT_PAYLOAD_DESCRIPTOR","payloadType":"X_ENDPOINT_RANGES"}],"priority":1,'
            b'"programID":"0","targets":["residential-ev-austin"]}'
        )

    def test_same_inputs_same_bytes(self):
        assert rendered() == rendered()

    def test_the_start_is_an_instant_whatever_its_zone(self):
        assert rendered(starts_at=local(16)) == rendered()

    def test_emergency_has_the_highest_priority(self):
        found = {each: json.loads(rendered(strategy=each))["priority"] for each in Strategy}
        assert found[Strategy.EMERGENCY] == 0
        assert len(set(found.values())) == 4

    def test_reads_back(self):
        found = read_event(rendered())
        assert found.intervals == (EventInterval(1234.6, (EndpointRange(1, 1200),)), EventInterval(0.0, ()))
        assert (found.starts_at, found.ends_at) == (AT, datetime(2023, 9, 6, 21, 30, tzinfo=UTC))
        assert (found.event_name, found.targets) == ("plan-7-v2-residential-ev-austin", ("residential-ev-austin",))

    @pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"eventName":1}', b"\xff"])
    def test_refuses_to_read_what_it_did_not_write(self, payload):
        with pytest.raises(EventUnreadable):
            read_event(payload)

    def test_cancel_has_no_duration_and_the_same_name(self):
        body = json.loads(render_cancel(rendered()))
        assert body["intervalPeriod"] == {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}
        assert body["intervals"] == []
        assert body["eventName"] == "plan-7-v2-residential-ev-austin"
        assert body["targets"] == ["residential-ev-austin"]

    def test_name(self):
        assert event_name(7, 2, EV) == "plan-7-v2-residential-ev-austin"


class TestIntervals:
    def test_two_runs_by_hand(self):
        plan = CohortPlan(
            cohort_slug=THERMOSTAT,
            runs=(
                Run(THERMOSTAT, local(16.25), local(16.75), 10),
                Run(THERMOSTAT, local(16.5), local(17), 5),
            ),
            shed_mw=np.array([0.0, 0.010, 0.014, 0.004]),
            net_mw=np.zeros(28),
            accounts_called=15,
            accounts_eligible=20,
            cost_usd=1.0,
        )
        assigned = assign_endpoints(range(1, 21), [10, 5])
        assert event_span(plan) == (local(16.25), local(17))
        assert event_intervals(plan, assigned, local(16)) == (
            EventInterval(10.0, (EndpointRange(1, 10),)),
            EventInterval(14.0, (EndpointRange(1, 15),)),
            EventInterval(4.0, (EndpointRange(11, 15),)),
        )

    def test_the_events_add_up_to_the_plan(self):
        asked = problem()
        plan = solve(asked)
        by_step = np.zeros(asked.window_steps)
        for each in plan.cohorts:
            assigned = assign_endpoints(range(1, each.accounts_eligible + 1), [run.accounts for run in each.runs])
            first = (event_span(each)[0] - asked.window_start).total_seconds() // 900
            for step, interval in enumerate(event_intervals(each, assigned, asked.window_start), int(first)):
                by_step[step] += interval.shed_kw / 1000
        assert by_step == pytest.approx(sum(each.shed_mw for each in plan.cohorts))


@pytest.fixture(scope="module")
def validator(shared_dir):
    yaml, jsonschema = pytest.importorskip("yaml"), pytest.importorskip("jsonschema")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec = yaml.load((shared_dir / "openadr" / "3.1.0" / "openadr3.yaml").read_text(), Loader=loader)
    schema = {"$ref": "#/components/schemas/eventRequest", "components": spec["components"]}
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.shared_data
class TestAgainstTheSpecification:
    def test_rendered_events_are_event_requests(self, validator):
        assert list(validator.iter_errors(json.loads(rendered()))) == []
        assert list(validator.iter_errors(json.loads(render_cancel(rendered())))) == []

    def test_the_validator_would_notice(self, validator):
        body = json.loads(rendered())
        body["intervals"][0].pop("payloads")
        body["targets"] = "residential-ev-austin"
        assert len(list(validator.iter_errors(body))) == 2

    def test_the_names_are_in_the_enumerations(self, shared_dir):
        folder = shared_dir / "openadr" / "3.1.0" / "enumerations"
        assert "DISPATCH_SETPOINT_RELATIVE:" in (folder / "event-interval-payloads.schema.yaml").read_text()
        assert "- KW\n" in (folder / "units.schema.yaml").read_text()


class TestEndpoints:
    def test_ranges_by_hand(self):
        assert [str(each) for each in ranges_of([5, 1, 2, 3, 9, 8])] == ["1-3", "5-5", "8-9"]

    def test_the_least_called_go_first(self):
        found = assign_endpoints([4, 5, 6, 1, 2, 3], [2, 3])
        assert [[str(each) for each in ranges] for ranges in found] == [["4-5"], ["1-2", "6-6"]]

    def test_refuses_more_than_there_are(self):
        with pytest.raises(TooFewEndpoints) as refused:
            assign_endpoints([1, 2], [2, 1])
        assert (refused.value.asked, refused.value.eligible) == (3, 2)

    @pytest.mark.parametrize("text", ["", "5", "0-3", "7-4", "a-b", "-1-2"])
    def test_refuses_what_is_no_range(self, text):
        with pytest.raises(ValueError, match=r".+"):
            EndpointRange.parse(text)

    @given(st.sets(st.integers(1, 500)), st.lists(st.integers(0, 60), max_size=6), st.randoms())
    def test_each_run_gets_its_number_and_nobody_is_called_twice(self, numbers, runs, random):
        ordered = sorted(numbers)
        random.shuffle(ordered)
        while sum(runs) > len(ordered):
            runs.pop()
        found = assign_endpoints(ordered, runs)
        assert [count(ranges) for ranges in found] == runs
        everyone = [n for ranges in found for each in ranges for n in range(each.first, each.last + 1)]
        assert sorted(everyone) == sorted(ordered[: sum(runs)])
        assert all(EndpointRange.parse(str(each)) == each for ranges in found for each in ranges)
