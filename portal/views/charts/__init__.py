"""Charts: one description of what to show becomes a drawing, its legend, the same as a table and as a CSV file.

A view describes a picture and frames it; a page includes the frame and loads the scripts:

    chart = charts.framed(
        charts.Picture(
            start=since, end=until, now=at, unit="MW",
            words="Wind and solar give 21,300 MW now; 9,800 MW are forecast for 20:00.",
            lines=[
                charts.Line("me", measured, name="Wind and solar, measured"),          # instants
                charts.Line("fc", hours, HOUR, name="Forecast", middles=True),         # means of hours
            ],
            bands=[charts.Band(p10_p90, HOUR, name="Forecast", middles=True)],
            limits=[charts.Limit(3_000, "watch below 3,000 MW")],
        ),
        key="renewables", title="Wind and solar", source=f"ERCOT, {clock_time(observed_at)}, {age}",
    )
    return show(request, "…/grid.html", {"chart": chart}, sheets=charts.sheets(chart))

    {% block head %}{% include "portal/components/chart_scripts.html" %}{% endblock head %}
    …
    {% include "portal/components/chart.html" with chart=chart %}

`charts.nothing(key=…, title=…, words=…)` is the frame of a chart that has nothing to show yet; it is included likewise.
`key` is unique on the page: an id, the name of the CSV file, and what a re-fetched fragment is recognised by.
Charts of one page share their cursor. Without scripts the SVG drawn here stays; with them charts.js draws in its place.
"""

from portal.views.charts.drawing import draw, hour_span, hour_words, nice_step
from portal.views.charts.framing import ChartFrame, framed, nothing, sheets
from portal.views.charts.shapes import Band, Chart, Drawn, Limit, Line, Picture, Point, Strip, Window
from portal.views.charts.small import MwBar, Spark, mw_bar, spark

__all__ = [
    "Band",
    "Chart",
    "ChartFrame",
    "Drawn",
    "Limit",
    "Line",
    "MwBar",
    "Picture",
    "Point",
    "Spark",
    "Strip",
    "Window",
    "draw",
    "framed",
    "hour_span",
    "hour_words",
    "mw_bar",
    "nice_step",
    "nothing",
    "sheets",
    "spark",
]
