"""Every part the pages are made of, in each of its states, in light and in dark; the numbers are made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse

from planning.core.lifecycle import Status
from portal.frame import portal_now
from portal.views import charts
from portal.views.csv_answer import Sheet
from portal.views.forms import PortalForm
from portal.views.guard import page, show
from portal.views.sample_charts import sample_charts

# 01:30 comes twice on the night of 1 November: the zone's letters tell which.
REPEATED: Final = (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC))
COHORTS: Final = (("Thermostats, Dallas", 21.4, 17.0, 24.9, 38.0), ("Commercial HVAC, Austin", 9.8, 7.9, 11.2, 14.5))
TOKENS: Final = (
    ("Ground", ("bg", "panel", "sunk", "field")),
    ("Ink and lines", ("ink", "dim", "control-line", "line", "bar", "bar-ground")),
    ("Ours to do", ("accent", "accent-bg", "band")),
    ("Abnormal", ("warn", "warn-bg", "alarm", "alarm-bg")),
)


class SampleForm(PortalForm):
    """One field as it stands, one with a hint, one with an error."""

    place = forms.CharField(label="Place")
    target_mw = forms.DecimalField(label="Target (MW)", help_text="Leave it empty and the planner chooses.")
    reason = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, theme: str) -> None:
        super().__init__({"place": "Dallas", "target_mw": "18.5", "reason": ""})
        self.auto_id = f"{theme}_%s"


@page("grid.view_snapshot")
def styleguide(request: HttpRequest) -> HttpResponse:
    """The page; its sample table is a file too."""
    now = portal_now(request)
    sides = [side(theme) for theme in ("light", "dark")]
    context = {
        "sides": sides,
        "tokens": TOKENS,
        "now": now,
        "soon": now + timedelta(minutes=54),
        "later": now + timedelta(hours=3, minutes=20),
        "fresh": now - timedelta(minutes=3),
        "old": now - timedelta(minutes=47),
        "repeated": REPEATED,
        "statuses": [status.value for status in Status],
        "lines": [_line(*cohort) for cohort in COHORTS],
    }
    sheets = {"cohorts": _sheet} | charts.sheets(*(chart for each in sides for chart in each["charts"]))
    return show(request, "portal/pages/styleguide.html", context, sheets=sheets)


def side(theme: str) -> dict[str, Any]:
    """What must not stand twice on a page: the ids of the form's fields and of the charts."""
    return {"theme": theme, "form": SampleForm(theme), "charts": sample_charts(theme)}


def _line(name: str, mean_mw: float, low_mw: float, high_mw: float, enrolled_mw: float) -> SimpleNamespace:
    words = f"{name}: {mean_mw} MW, P10 {low_mw} to P90 {high_mw}, of {enrolled_mw} MW"
    bar = charts.mw_bar(low=low_mw, mark=mean_mw, high=high_mw, most=40.0, ground=enrolled_mw, words=words)
    return SimpleNamespace(name=name, mean_mw=mean_mw, bar=bar, numbers=f"{low_mw}–{high_mw}", enrolled_mw=enrolled_mw)


def _sheet() -> Sheet:
    rows = [(name, mean, low, high, enrolled) for name, mean, low, high, enrolled in COHORTS]
    return Sheet("sample-cohorts", ("cohort", "mean_mw", "p10_mw", "p90_mw", "enrolled_mw"), rows)
