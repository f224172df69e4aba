"""Made-up charts for the style guide: every look, on the night on which an hour is there twice."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from grid.core.intervals import HOUR, QUARTER
from portal.views import charts

START: Final = datetime(2026, 11, 1, 3, tzinfo=UTC)  # Sat 31 Oct 22:00 CDT
END: Final = START + 10 * HOUR
NOW: Final = START + 4 * HOUR + timedelta(minutes=7)  # the second 01:00 has begun
PRICES: Final = (38.0, 31.0, 27.0, -4.0, 22.0, 26.0, 48.0, 310.0, 1450.0, 920.0)


def sample_charts(theme: str) -> list[charts.ChartFrame]:
    """A chart of measured and forecast, one of planned and delivered on the same time, and one without anything."""
    title = "Chart: measured, forecast, limit, windows, prices"
    return [
        charts.framed(_load(), key=f"sample-load-{theme}", title=title, source="made up, 7 min old"),
        charts.framed(_event(), key=f"sample-event-{theme}", title="Chart: planned and delivered", source="made up"),
        charts.nothing(
            key=f"sample-nothing-{theme}", title="Chart without values", words="Nothing has been measured yet."
        ),
    ]


def _load_mw(at: datetime) -> float:
    return 52_000 - 9_000 * math.sin((at - START) / (END - START) * math.pi)


def _load() -> charts.Picture:
    measured = [(at, _load_mw(at)) for at in (START + i * QUARTER for i in range(17))]
    hours = [START + i * HOUR for i in range(4, 10)]
    ahead = [(at, _load_mw(at + HOUR / 2), 300.0 * (i + 1)) for i, at in enumerate(hours)]
    return charts.Picture(
        start=START,
        end=END,
        now=NOW,
        words="Load falls to 43,000 MW at night and rises to 51,000 MW by 07:00; the hour from 01:00 is there twice.",
        unit="GW",
        scale=1000.0,
        value_unit="MW",
        places=0,
        height=260,
        lines=[
            charts.Line("me", measured, name="Load measured"),
            charts.Line(
                "fc",
                [(at, load) for at, load, _half in ahead],
                HOUR,
                name="Load forecast",
                middles=True,
                lead=measured[-1],
            ),
        ],
        bands=[
            charts.Band(
                [(at, load - half, load + half) for at, load, half in ahead], HOUR, name="Load forecast", middles=True
            )
        ],
        limits=[charts.Limit(50_000, "watch from 50,000 MW")],
        windows=[
            charts.Window(START + HOUR, START + 3 * HOUR, "plan 7, sent", "sent"),
            charts.Window(START + 7 * HOUR, START + 9 * HOUR, "plan 8, proposed"),
        ],
        strip=charts.Strip(
            [(START + i * HOUR, price) for i, price in enumerate(PRICES)], HOUR, "$/MWh", 900.0, "Expected price"
        ),
    )


def _event() -> charts.Picture:
    quarters = [START + i * QUARTER for i in range(4, 16)]
    planned = [(at, 30.0 if i < 8 else -6.0 + 0.5 * i) for i, at in enumerate(quarters)]
    delivered = [(at, mw - 2.0 + i % 3 if i < 10 else None) for i, (at, mw) in enumerate(planned)]
    return charts.Picture(
        start=START,
        end=END,
        now=NOW,
        words="29.0 MW delivered on average of 30.0 MW planned; rebound of up to 4.0 MW.",
        unit="MW below baseline",
        value_unit="MW",
        from_zero=True,
        height=240,
        lines=[
            charts.Line("plan", planned, QUARTER, name="Planned"),
            charts.Line("del", delivered, QUARTER, name="Delivered", gap="not yet"),
        ],
        bands=[charts.Band([(at, mw - 3.0, mw + 2.0) for at, mw in planned], QUARTER, name="Planned")],
        limits=[charts.Limit(27.0, "target 27.0 MW", "aim", quarters[0], quarters[8])],
    )
