"""Forms of the approval pages. They check shape; what may be done is decided by the operations."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms

from grid.core.refusals import Refusal
from planning.models import BreakGlass, BreakGlassReview, Delegation
from portal.models import User
from portal.views.forms import CentralTimeField, DecisionForm, PortalForm

MAX_WORDS = 2000


def words(label: str, *, rows: int = 3, required: bool = False, **attributes: Any) -> forms.CharField:
    """A field for a sentence or two; whether they are needed is for the operation to say."""
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, required=required, max_length=MAX_WORDS, widget=widget, **attributes)


class AssertionField(forms.Field):
    """What a passkey signed, as the JSON the page's script put there; None when nothing was signed."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Mapping[str, Any] | None:
        if not value:
            return None
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise forms.ValidationError("What the passkey signed did not arrive whole. Try again.")
        return found


def password_field() -> forms.CharField:
    """Whether it is needed, and right, is for the operation to say."""
    return forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ApproveForm(DecisionForm):
    """A vote with what its policy asks for; fields it does not ask for are left out."""

    password = password_field()
    assertion = AssertionField(required=False)
    on_behalf_of = forms.CharField(label="In whose name", required=False, max_length=150, widget=forms.Select)

    def __init__(
        self, data: Any = None, *, initial: Any = None, lent: Iterable[Delegation] = (), asks_password: bool = False
    ) -> None:
        super().__init__(data, initial=initial)
        lenders = [(d.delegator.get_username(), f"for {d.delegator.get_username()}, who lent it to you") for d in lent]
        # Choices to pick from, not to check against: whether the right was lent is for the operation to say.
        select = cast("forms.Select", self.fields["on_behalf_of"].widget)
        select.choices = [("", "in my own name"), *dict(lenders).items()]
        for name, shown in {"on_behalf_of": bool(lenders), "password": asks_password}.items():
            if not shown:  # what is refused about a field that is not on the page is said above the form
                self.fields[name].widget = forms.HiddenInput()


class EstimateForm(PortalForm):
    """One's own number."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    mw = forms.DecimalField(
        label="Your estimate (MW, mean of the window)",
        max_digits=9,
        decimal_places=3,
        min_value=0,
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0", "inputmode": "decimal"}),
    )


class ForceForm(PortalForm):
    """Break-glass."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason_code = forms.ChoiceField(label="Why it cannot wait", choices=BreakGlass.ReasonCode.choices)
    incident = forms.CharField(label="Number of the incident", max_length=60, required=False)
    reason = words("What happens if it is not sent")
    assertion = AssertionField(required=False)


class ReviewForm(PortalForm):
    """What somebody else thinks of it."""

    finding = forms.ChoiceField(label="It was", choices=BreakGlassReview.Finding.choices, widget=forms.RadioSelect)
    text = words("What you looked at, and why")


class CommentForm(PortalForm):
    """Words about a version."""

    content_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    text = words("Comment", rows=2)
    blocker = forms.BooleanField(label="Blocks approval until it is resolved", required=False)


class TextForm(PortalForm):
    """A sentence."""

    text = words("Why", rows=2)


class FreezeForm(PortalForm):
    """Stop approvals and sending."""

    ids = "freeze_%s"

    reason = words("Why everything has to stop", rows=2)
    ends_at = CentralTimeField(required=False, label="Until (Central time; empty: until lifted)")


class DelegateForm(PortalForm):
    """Lend the right to vote."""

    ids = "lend_%s"

    delegate = forms.ModelChoiceField(label="To", queryset=User.objects.none(), to_field_name="username")
    starts_at = CentralTimeField(required=False, label="From (Central time; empty: now)")
    ends_at = CentralTimeField(label="Until (Central time)")
    max_mw = forms.DecimalField(
        label="Good for plans up to (MW)",
        max_digits=9,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "0.1", "min": "0.1", "inputmode": "decimal"}),
    )
    reason = words("Why", rows=2)
    password = password_field()

    def __init__(self, data: Any = None, *, initial: Any = None, people: Any = None) -> None:
        super().__init__(data, initial=initial)
        if people is not None:
            cast("forms.ModelChoiceField[User]", self.fields["delegate"]).queryset = people

    def starting(self, at: dt.datetime) -> dt.datetime:
        """When it begins."""
        found: dt.datetime | None = self.cleaned_data["starts_at"]
        return found or at


class PolicyForm(PortalForm):
    """The whole policy as text; the operation says which part of it is wrong."""

    rules = forms.CharField(
        label="Rules (JSON)",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"}),
    )
    reason = words("Why this change", rows=2)
    password = password_field()


class ConfirmForm(PortalForm):
    """The second person of a policy's change. The page may show it more than once."""

    ids = ""
    password = password_field()

    def take(self, refusal: Refusal) -> None:
        """Above the table; the field itself stands in each row."""
        self.add_error(None, str(refusal))


class PasskeyForm(PortalForm):
    """A finished enrolment. The password goes with the request for a challenge; the script sends it no further."""

    credential = AssertionField()
    label = forms.CharField(label="Name of the key", required=False, max_length=60)
    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        help_text="Once more: being signed in does not prove that it is you.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ProofForm(forms.Form):
    """Who asks to enrol."""

    password = forms.CharField(required=False, strip=False, max_length=1000)
    assertion = AssertionField(required=False)
