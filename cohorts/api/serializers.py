"""JSON of cohorts. Shapes and types only; what a cohort may be is decided by the operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from cohorts.checks import MAX_ACCOUNTS
from cohorts.models import TECHNOLOGY_CHOICES, Cohort, LoadZone, Segment, WeatherPlace
from cohorts.operations import RULE_FIELDS
from cohorts.queries import CohortAvailability, Flexibility

KW_DECIMALS = 3  # MW are given to the kilowatt


class InstantField(serializers.DateTimeField):
    """RFC 3339 with an offset; a time without one is refused, not guessed."""

    default_error_messages = {"offset": "Give an RFC 3339 instant with its offset, e.g. 2023-09-06T20:00:00Z."}

    def to_internal_value(self, value: Any) -> Any:
        """The aware instant. A `+` that the query string turned into a blank is understood."""
        try:
            found = parse_datetime(value.replace(" ", "+")) if isinstance(value, str) and "T" in value else None
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.fail("offset")
        return found


class UpperCaseChoiceField(serializers.ChoiceField):
    """A code, whatever the case it was typed in."""

    def to_internal_value(self, data: Any) -> Any:
        """The stored upper-case code."""
        return super().to_internal_value(data.upper() if isinstance(data, str) else data)


class ProgrammeFields(serializers.Serializer):
    """The programme's rules; left out on creation, the technology's usual ones hold."""

    season_first_month = serializers.IntegerField(required=False, min_value=1, max_value=12)
    season_last_month = serializers.IntegerField(required=False, min_value=1, max_value=12)
    weekdays_only = serializers.BooleanField(required=False)
    earliest_hour = serializers.IntegerField(
        required=False, min_value=0, max_value=23, help_text="local (Central) hour: no event starts before"
    )
    latest_hour = serializers.IntegerField(
        required=False, min_value=1, max_value=24, help_text="local (Central) hour: every event has ended by then"
    )
    min_event_min = serializers.IntegerField(required=False, min_value=15, max_value=1440)
    max_event_min = serializers.IntegerField(required=False, min_value=15, max_value=1440)
    notice_min = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    max_events_per_day = serializers.IntegerField(required=False, min_value=1, max_value=96)
    max_events_per_season = serializers.IntegerField(required=False, min_value=1, max_value=10_000)
    rest_h = serializers.DecimalField(required=False, min_value=0, max_digits=5, decimal_places=2)
    incentive_usd_per_mwh = serializers.DecimalField(required=False, min_value=0, max_digits=9, decimal_places=2)
    call_fee_usd = serializers.DecimalField(required=False, min_value=0, max_digits=9, decimal_places=2)


class CohortInput(ProgrammeFields):
    """What a client may say of a cohort. Technology, place or ZIP, weather city, slug and rules can be left out."""

    name = serializers.CharField(max_length=100)
    slug = serializers.CharField(required=False, max_length=50)
    segment = UpperCaseChoiceField(choices=Segment.choices)
    technology = UpperCaseChoiceField(choices=TECHNOLOGY_CHOICES, required=False)
    place = serializers.CharField(required=False, max_length=60)
    weather_place = serializers.ChoiceField(choices=WeatherPlace.choices, required=False)
    zip = serializers.CharField(required=False, max_length=5)
    load_zone = UpperCaseChoiceField(choices=LoadZone.choices)
    accounts = serializers.IntegerField(min_value=1, max_value=MAX_ACCOUNTS)
    enrolled_mw = serializers.DecimalField(max_digits=9, decimal_places=3)
    active = serializers.BooleanField(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse names that no cohort has: a misspelt rule must not pass in silence. Those only read are ignored."""
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields and name not in CohortOutput().fields]
            if unknown:
                raise serializers.ValidationError({str(name): "A cohort has no such field." for name in unknown})
        return super().to_internal_value(data)

    def creation(self) -> dict[str, Any]:
        """Keyword arguments of `create_cohort`."""
        given: dict[str, Any] = dict(self.validated_data)
        rules = {field: given.pop(field) for field in RULE_FIELDS if field in given}
        renamed = {"zip": "zip_code", "accounts": "account_count"}
        return {**{renamed.get(name, name): value for name, value in given.items()}, "rules": rules}

    def changes(self) -> dict[str, Any]:
        """The `changes` of `update_cohort`."""
        return {"account_count" if n == "accounts" else n: value for n, value in self.validated_data.items()}


class CohortOutput(serializers.ModelSerializer):
    """A cohort with its three numbers; the last two are null while the temperature is not known.

    Context: `availability` by cohort id.
    """

    accounts = serializers.IntegerField(source="account_count")
    kw_per_account = serializers.FloatField()
    enrolled_mw = serializers.FloatField()
    available_p50_mw = serializers.SerializerMethodField()
    firm_p90_mw = serializers.SerializerMethodField()
    rest_h = serializers.FloatField()
    incentive_usd_per_mwh = serializers.FloatField()
    call_fee_usd = serializers.FloatField()

    class Meta:
        model = Cohort
        fields = (
            "id",
            "slug",
            "name",
            "segment",
            "technology",
            "place",
            "weather_place",
            "zip",
            "load_zone",
            "accounts",
            "kw_per_account",
            "enrolled_mw",
            "available_p50_mw",
            "firm_p90_mw",
            "active",
            *RULE_FIELDS,
        )

    def get_available_p50_mw(self, cohort: Cohort) -> float | None:
        """Sustained on average over the next three hours, in the median."""
        return _rounded(self._availability(cohort).available_p50_mw)

    def get_firm_p90_mw(self, cohort: Cohort) -> float | None:
        """The same, exceeded nine times in ten."""
        return _rounded(self._availability(cohort).firm_p90_mw)

    def _availability(self, cohort: Cohort) -> CohortAvailability:
        found: CohortAvailability = self.context["availability"][cohort.pk]
        return found


class FlexibilityQuery(serializers.Serializer):
    """The span asked for."""

    start = InstantField()
    end = InstantField(help_text="at most 7 days after start")


class FlexibilityStep(serializers.Serializer):
    """One quarter-hour. MW are 0 outside the programme's season, weekdays and hours."""

    starts_at = serializers.DateTimeField()
    p10_mw = serializers.FloatField()
    p50_mw = serializers.FloatField()
    p90_mw = serializers.FloatField()
    within_programme = serializers.BooleanField()


class FlexibilityOutput(serializers.Serializer):
    """The whole span on one page."""

    results = FlexibilityStep(many=True)
    next = serializers.CharField(allow_null=True)


def flexibility_json(found: Flexibility) -> dict[str, Any]:
    """The body of `GET cohorts/{id}/flexibility`."""
    rows = zip(found.starts_at, found.p10_mw, found.p50_mw, found.p90_mw, found.within_programme, strict=True)
    results = [
        {
            "starts_at": starts_at,
            "p10_mw": _rounded(p10_mw),
            "p50_mw": _rounded(p50_mw),
            "p90_mw": _rounded(p90_mw),
            "within_programme": bool(within),
        }
        for starts_at, p10_mw, p50_mw, p90_mw, within in rows
    ]
    return {"results": results, "next": None}


def _rounded(power_mw: float | None) -> float | None:
    return None if power_mw is None else round(float(power_mw), KW_DECIMALS)
