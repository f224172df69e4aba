"""The grid page: every number with unit, source and age; what is not known is said; the same tables as files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from grid.core.intervals import HOUR
from grid.models import Clock, ForecastPoint, ForecastVintage, Snapshot
from grid.queries import data_source
from tests import factories
from tests.factories import PROPOSED_AT
from tests.portal.pages.browsing import as_, text_of


def observe(*, reserves_mw: float | None = None, **more: object) -> None:
    """The newest reading says this too."""
    newest = Snapshot.objects.order_by("-observed_at")[:1].values_list("pk", flat=True)
    kind = None if reserves_mw is None else "MEASURED"
    Snapshot.objects.filter(pk__in=list(newest)).update(reserves_mw=reserves_mw, reserves_kind=kind, **more)


def forecast_before(load_mw: float, *, hours_ago: int, method: str = "PORTAL", label: str = "a forecast") -> None:
    """What had been said at that time of the six hours until now: the load, plus or minus 1,000 MW."""
    known_at = PROPOSED_AT - hours_ago * HOUR
    vintage = ForecastVintage.objects.create(
        source=data_source(), method=method, label=label, issued_at=known_at, known_at=known_at
    )
    ForecastPoint.objects.bulk_create(
        ForecastPoint(
            vintage=vintage,
            starts_at=PROPOSED_AT - hour * HOUR,
            method=method,
            load_mw=load_mw,
            p10_mw=load_mw - 1_000,
            p90_mw=load_mw + 1_000,
        )
        for hour in range(1, 7)
    )


class TestNumbers:
    def test_unit_source_and_age(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        assert "System load 80,000 MW" in text
        assert "Highest zone price 45 $/MWh North" in text
        assert "Synthetic data, Wed 6 Sep 14:00 CDT, 0 min old" in text
        assert "System load synthetic data 14:00 0 min old" in text

    def test_the_unknown_is_said(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        assert "Reserves not known the source does not carry them" in text
        assert "Reserves are not known: this source does not carry them." in text
        assert "Wind and solar are not known: this source does not carry them." in text
        assert "ERCOT state not known no declaration in the data" in text
        assert "Wind synthetic data not known" in text

    def test_nothing_read_yet(self) -> None:
        Clock.objects.update(data_source="synthetic:99")
        text = text_of(as_("auditor").get("/grid/"))
        assert "Nothing has been read from the grid yet." in text
        assert "No reading and no forecast of the load is known yet." in text
        assert "There is no forecast for the hours ahead." in text

    def test_old_readings_are_marked(self) -> None:
        factories.drill(at=PROPOSED_AT + 3 * HOUR)
        assert "▲ 3 h old" in text_of(as_("auditor").get("/grid/"))

    def test_charts_say_what_they_show_and_share_the_axis(self) -> None:
        answer = as_("auditor").get("/grid/")
        text = text_of(answer)
        assert (
            "Load is 80,000 MW. In the next 24 hours it is forecast to peak at 80,000 MW in the hour 14:00–15:00."
            in text
        )
        assert "The dearest zone pays 45 $/MWh." in text
        spans = {(chart.data["start"], chart.data["end"]) for chart in answer.context["charts"] if chart.data}
        assert len(spans) == 1


class TestZones:
    def test_now_highest_today_and_expected(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        assert "North 45.0 45.0 14:00 CDT 45.0 Thu 13:00–14:00" in text
        assert "Houston not known not known not known" in text

    def test_expected_from_the_zones_own_past(self) -> None:
        source = data_source()
        Snapshot.objects.bulk_create(
            Snapshot(
                observed_at=PROPOSED_AT - timedelta(days=days) + (hour + 1) * HOUR,
                source=source,
                system_load_mw=80_000.0,
                prices_usd_per_mwh={"LZ_NORTH": 900.0 if hour == 5 else 30.0, "LZ_WEST": 20.0},
                highest_price_usd_per_mwh=900.0 if hour == 5 else 30.0,
            )
            for days in range(1, 4)
            for hour in range(24)
            if PROPOSED_AT - timedelta(days=days) + (hour + 1) * HOUR < PROPOSED_AT - 6 * HOUR
        )
        text = text_of(as_("auditor").get("/grid/"))
        assert "North 45.0 45.0 14:00 CDT 900.0 19:00–20:00" in text
        assert "West not known 20.0" in text


class TestWeather:
    def test_now_and_highest_ahead(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        assert "Dallas NCENT 100.0 not known" in text or "Dallas NCENT 100.0 100.0 14:00–15:00" in text
        assert "Midland FWEST not known not known" in text

    def test_a_day_of_it_gives_a_forecast(self) -> None:
        factories.observe_temperature("midland", temp_f=88.0, start=PROPOSED_AT - 48 * HOUR, hours=48)
        assert "Midland FWEST 88.0 88.0 14:00–15:00" in text_of(as_("auditor").get("/grid/"))


class TestReserves:
    def test_before_the_present_rule_no_level_is_drawn(self) -> None:
        observe(reserves_mw=4_000.0)
        text = text_of(as_("auditor").get("/grid/"))
        assert "Reserves 4,000 MW measured" in text
        assert "The levels in force on this day are not kept here" in text
        assert "watch below" not in text

    def test_levels_with_the_distance_to_each(self) -> None:
        later = PROPOSED_AT + timedelta(days=365)
        factories.drill(at=later)
        factories.observe_prices({0: 50.0, 1: 60.0}, start=later - 2 * HOUR)
        Snapshot.objects.filter(observed_at__gt=later - 2 * HOUR).update(reserves_mw=2_600.0, reserves_kind="DERIVED")
        text = text_of(as_("auditor").get("/grid/"))
        assert "Watch 3,000 ▲ below EEA 1 2,500 100 above EEA 2 2,000 600 above EEA 3 1,500 1,100 above" in text
        assert "watch below 3,000 MW" in text
        assert "NPRR1176, in force since 1 Nov 2023" in text


class TestOutlook:
    def test_says_what_the_rule_sees(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        # 80,000 of the 85,464 MW published for 10 August 2023
        assert "Rest of today normal Load is forecast to reach 93.6 % of the past year's highest" in text
        assert "Highest load from 99 % of the past year's 93.6 % not met 93.6 % not met" in text
        assert "Dearest two hours from 900 $/MWh, load from 94 % 100 $/MWh not met 100 $/MWh not met" in text
        assert "ERCOT has declared any emergency not known not known" in text

    def test_tight(self) -> None:
        ForecastPoint.objects.filter(starts_at=PROPOSED_AT + 3 * HOUR).update(load_mw=86_000.0, p90_mw=87_000.0)
        text = text_of(as_("auditor").get("/grid/"))
        assert "tight: worth a call" in text
        assert "100.6 % ▲ met 100.6 % ▲ met" in text

    def test_an_emergency_declared(self) -> None:
        observe(eea_level=2)
        text = text_of(as_("auditor").get("/grid/"))
        assert "ERCOT state ▲ EEA 2" in text
        assert "emergency declared" in text
        assert "EEA 2 ▲ met EEA 2 ▲ met" in text


class TestForecastErrors:
    def test_nothing_to_compare(self) -> None:
        text = text_of(as_("auditor").get("/grid/"))
        assert "No hour of today that is over had been forecast before it began" in text

    def test_in_words_and_by_hour(self) -> None:
        forecast_before(78_000.0, hours_ago=10)
        forecast_before(79_999.0, hours_ago=7)  # nearer, so not what counts
        text = text_of(as_("auditor").get("/grid/"))
        assert (
            "Over the 6 hours of today it was off by 2.5 % on average (MAPE), 2,000 MW; on balance 2,000 MW more load "
            "came. Largest miss: +2.5 % in the hour 08:00–09:00. 0 of 6 came within P10 to P90."
        ) in text
        assert "08:00 CDT 78,000 80,000 +2.5 ◆ outside band 04:00" in text

    def test_what_was_said_after_the_hour_began_does_not_count(self) -> None:
        forecast_before(78_000.0, hours_ago=3)
        assert "Over the 3 hours of today" in text_of(as_("auditor").get("/grid/"))

    def test_the_published_one_stands_beside_it(self) -> None:
        forecast_before(80_500.0, hours_ago=10, method="DAY_AHEAD", label="ERCOT day-ahead forecast")
        text = text_of(as_("auditor").get("/grid/"))
        assert (
            "ERCOT day-ahead forecast Over the 6 hours of today it was off by 0.6 % on average (MAPE), 500 MW" in text
        )
        assert "6 of 6 came within P10 to P90." in text


class TestFiles:
    @pytest.mark.parametrize(
        ("sheet", "line"),
        [
            ("zones", "LZ_NORTH,45.0,45.0,2023-09-06T14:00:00-05:00,45.0,2023-09-07T13:00:00-05:00"),
            ("ages", "System load,synthetic data,2023-09-06T14:00:00-05:00,0.0"),
            ("load", "2023-09-06T14:00:00-05:00,80000.0,80000.0,79000.0,81000.0"),
        ],
    )
    def test_have_the_pages_rows(self, sheet: str, line: str) -> None:
        assert line in as_("auditor").get(f"/grid/?csv={sheet}").content.decode().split("\r\n")

    def test_errors_with_when_it_was_said(self) -> None:
        forecast_before(78_000.0, hours_ago=10)
        lines = as_("auditor").get("/grid/?csv=errors").content.decode().split("\r\n")
        assert lines[0] == "starts_at,known_at,forecast_mw,p10_mw,p90_mw,actual_mw,error_mw,error_pct"
        assert lines[1] == (
            "2023-09-06T08:00:00-05:00,2023-09-06T04:00:00-05:00,78000.0,77000.0,79000.0,80000.0,2000.0,2.5"
        )
        assert len(lines) == 8

    def test_weather(self) -> None:
        lines = as_("auditor").get("/grid/?csv=weather").content.decode().split("\r\n")
        assert lines[0].startswith("place,weather_zone,observed_at,temp_f,humidity_pct,wind_mph,conditions")
        assert "Dallas,NCENT,2023-09-06T14:00:00-05:00,100.0" in lines[2]


def test_fragments_are_parts_of_the_page() -> None:
    client = as_("auditor")
    for name, start in (("now", '<section class="kpis'), ("places", '<section class="panel across"')):
        answer = client.get("/grid/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET=name)
        assert answer.content.decode().strip().startswith(start)
