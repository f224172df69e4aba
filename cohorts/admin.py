"""Cohorts in the supervisors' site: list, create, edit through the same operations as the API. Nothing is deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse

from cohorts.models import Cohort, CohortChange
from cohorts.operations import RULE_FIELDS, create_cohort, update_cohort
from grid import clock
from grid.core.refusals import Refusal

CREATION_FIELDS = (
    "name",
    "segment",
    "technology",
    "place",
    "zip",
    "load_zone",
    "enrolled_mw",
    "account_count",
    "active",
)


class CohortForm(forms.ModelForm):
    """Shows what an operation refused at the field it is about."""

    refusal: Refusal | None = None

    def clean(self) -> dict[str, Any] | None:
        """The cleaned data, with the refusal of the first attempt as an error."""
        cleaned = super().clean()
        if self.refusal is not None:
            name = "account_count" if self.refusal.field == "accounts" else self.refusal.field
            self.add_error(name if name in self.fields else None, str(self.refusal))
        return cleaned

    def _post_clean(self) -> None:
        # The operation checks the values, in better words than Django's "constraint violated".
        self.instance = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)


class ChangeInline(admin.TabularInline):
    """Who changed what, newest first; never edited."""

    model = CohortChange
    fields = readonly_fields = ("at", "wall_at", "by", "before", "after")
    ordering = ("-pk",)
    extra = 0
    can_delete = False
    verbose_name_plural = "record of changes"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Whoever sees the cohort sees its record."""
        return request.user.has_perm("cohorts.view_cohort")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 (Django's signature)
        """The operations write it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """It is append-only."""
        return False


@admin.register(Cohort)
class CohortAdmin(admin.ModelAdmin):
    """Creation asks for the essentials and takes the technology's usual programme, which can then be edited."""

    form = CohortForm
    list_display = ("name", "segment", "technology", "place", "load_zone", "enrolled_mw", "account_count", "active")
    list_filter = ("segment", "technology", "load_zone", "active")
    search_fields = ("name", "slug", "zip")
    ordering = ("pk",)
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Cohort | None = None) -> Any:  # noqa: ARG002
        """The essentials when creating; with the programme's rules afterwards."""
        if obj is None:
            return [(None, {"fields": CREATION_FIELDS})]
        essentials = ("slug", *CREATION_FIELDS, "weather_place")
        return [(None, {"fields": essentials}), ("Programme", {"fields": RULE_FIELDS})]

    def get_readonly_fields(self, request: HttpRequest, obj: Cohort | None = None) -> Any:  # noqa: ARG002
        """Slug and number of accounts are fixed at creation."""
        return () if obj is None else ("slug", "account_count")

    def get_inlines(self, request: HttpRequest, obj: Cohort | None) -> Any:  # noqa: ARG002 (Django's signature)
        """The record, once there is one."""
        return [] if obj is None else [ChangeInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Plans and records hang on cohorts: make one inactive instead."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, told of the refusal when the operation refused the first attempt."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"refusal": getattr(request, "cohort_refusal", None)})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Try; when the operation refuses (all is rolled back), show the form again with the refusal in it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            request.cohort_refusal = refusal  # type: ignore[attr-defined]
            messages.error(request, str(refusal))
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Cohort, form: Any, change: bool) -> None:
        """Create or change through the operation."""
        given = {name: form.cleaned_data[name] for name in (form.changed_data if change else CREATION_FIELDS)}
        if change:
            update_cohort(cohort_id=obj.pk, by=request.user, at=clock.now(), changes=given)  # type: ignore[arg-type]
            return
        given["zip_code"] = given.pop("zip")
        created = create_cohort(by=request.user, at=clock.now(), **given)  # type: ignore[arg-type]
        obj.__dict__.update(created.__dict__)
