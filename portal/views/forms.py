"""The forms of the pages. They check shape; whether a wish can be met is decided by the operations."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.http import QueryDict

from cohorts.models import Cohort
from grid.core.intervals import CENTRAL
from grid.core.refusals import Refusal
from planning.models import Strategy
from planning.operations import Wish

LOCAL_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")
STRATEGY_WORDS = {
    Strategy.BALANCED: "value, cost and comfort weighed together",
    Strategy.COST_MINIMIZE: "the most value for the incentives paid",
    Strategy.RELIABILITY: "the firmest MW, least rebound",
    Strategy.EMERGENCY: "as much as the programmes allow, cost aside",
}
FIELD_OF_REFUSAL = {"window.start": "window_start", "window.end": "window_end", "window": "window_end"}
SPEED_LIMITS = (1, 600)


class CentralTimeField(forms.Field):
    """A local time of Texas (`2026-08-18T17:00`) as a UTC instant; None when left empty.

    A time the clocks skip is refused. One that comes twice is refused unless it ends in its zone's letters (CDT, CST).
    """

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "900"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> dt.datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        stem, zone = (text[:-4].strip(), text[-3:]) if text[-3:] in {"CDT", "CST"} else (text, "")
        return _instant_of(_parsed(stem), zone)


def _parsed(text: str) -> dt.datetime:
    for pattern in LOCAL_FORMATS:
        try:
            return dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - local time of Texas until the zone is known
        except ValueError:
            continue
    raise forms.ValidationError("Give day and time as 2026-08-18T17:00, in Central time.")


def _instant_of(naive: dt.datetime, zone: str) -> dt.datetime:
    # To UTC first: two readings of a repeated hour are equal as long as they carry the same zone object.
    instants = sorted({naive.replace(tzinfo=CENTRAL, fold=fold).astimezone(dt.UTC) for fold in (0, 1)})
    real = [at for at in instants if at.astimezone(CENTRAL).replace(tzinfo=None) == naive]
    named = [at for at in real if not zone or f"{at.astimezone(CENTRAL):%Z}" == zone]
    if not real:
        raise forms.ValidationError(f"{naive:%H:%M} does not exist that night: the clocks skip it.")
    if not named:
        raise forms.ValidationError(f"It is not {zone} at that time of the year.")
    if len(named) > 1:
        raise forms.ValidationError(f"{naive:%H:%M} comes twice that night. Choose a time outside the repeated hour.")
    return named[0]


class PortalForm(forms.Form):
    """A form whose widgets know their errors, and which takes refusals of operations as field errors."""

    ids = "id_%s"
    """Of its fields; another one where a page has several forms."""

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="", auto_id=self.ids)

    def take(self, refusal: Refusal) -> None:
        """Show a refusal beside the field it names, or above the form."""
        field = FIELD_OF_REFUSAL.get(refusal.field or "", refusal.field)
        in_sight = field in self.fields and not self.fields[field].widget.is_hidden
        self.add_error(field if in_sight else None, str(refusal))


class WishForm(PortalForm):
    """What to ask of the planner; everything but the strategy may be left to it."""

    strategy = forms.ChoiceField(
        choices=[(s.value, f"{s.label}: {STRATEGY_WORDS[s]}") for s in Strategy],
        initial=Strategy.BALANCED.value,
        widget=forms.RadioSelect,
    )
    cohorts = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    window_start = CentralTimeField(required=False, label="Starts (Central time)")
    window_end = CentralTimeField(required=False, label="Ends (Central time)")
    target_mw = forms.DecimalField(
        required=False,
        label="Target (MW)",
        max_digits=9,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0.1", "inputmode": "decimal"}),
    )
    key = forms.CharField(required=False, widget=forms.HiddenInput, max_length=128)

    def __init__(self, data: Any = None, *, choices: Iterable[Cohort], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        cohorts = cast("forms.MultipleChoiceField", self.fields["cohorts"])
        cohorts.choices = [(str(c.pk), c.name) for c in choices]
        self.initial.setdefault("key", uuid.uuid4().hex)

    def instant_of(self, name: str, value: Any) -> tuple[dt.datetime | None, str]:
        """A value of a time field as an instant, and what is wrong with it (empty: nothing)."""
        try:
            return cast("CentralTimeField", self.fields[name]).to_python(value), ""
        except forms.ValidationError as error:
            return None, " ".join(error.messages)

    def values_sent(self) -> dict[str, Any]:
        """What came, as it came; only for a form that was sent."""
        sent = cast("QueryDict", self.data)
        return {**sent.dict(), "cohorts": sent.getlist("cohorts")}

    def wish(self) -> Wish:
        """The cleaned form as the operation takes it."""
        data = self.cleaned_data
        return Wish(
            strategy=data["strategy"],
            cohort_ids=tuple(int(pk) for pk in data["cohorts"]),
            window_start=data["window_start"],
            window_end=data["window_end"],
            target_mw=data["target_mw"],
        )


class EditForm(WishForm):
    """A wish with the content it is based on and the reason for the change."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(label="Why this change", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def changed_fields(self) -> dict[str, Any]:
        """All asked-for fields, named as `planning.operations.Change` has them."""
        wish = self.wish()
        return {
            "strategy": wish.strategy,
            "cohort_ids": wish.cohort_ids,
            "window_start": wish.window_start,
            "window_end": wish.window_end,
            "target_mw": wish.target_mw,
        }


class DecisionForm(PortalForm):
    """A decision about one content, with words if there are any."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(label="Reason", required=False, widget=forms.Textarea(attrs={"rows": 3}))


class AbortForm(PortalForm):
    """Stop a plan; words are welcome and not needed."""

    reason = forms.CharField(label="Reason (may stay empty)", required=False, widget=forms.Textarea(attrs={"rows": 2}))


class SpeedForm(PortalForm):
    """Scenario seconds per wall second."""

    speed = forms.IntegerField(min_value=SPEED_LIMITS[0], max_value=SPEED_LIMITS[1])


def local_input(at: dt.datetime | None) -> str:
    """An instant as a `datetime-local` input shows it."""
    return "" if at is None else f"{at.astimezone(CENTRAL):%Y-%m-%dT%H:%M}"


def shown_mw(value: Decimal | None) -> str:
    """A target without trailing zeros."""
    return "" if value is None else f"{value.normalize():f}"
