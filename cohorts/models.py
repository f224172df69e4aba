"""Who can flex: cohorts with their programme's rules, the accounts enrolled in them, and the endpoints we signal.

`CohortChange` is append-only: `migrations/0002_append_only.py` holds that whoever writes the SQL.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from cohorts.core.response import RESPONSE_MODELS, ProgrammeRules, ResponseModel, Technology
from grid.core.units import kw_of_mw

STEP_MIN = 15
MAX_EVENT_MIN = 24 * 60
TECHNOLOGY_CHOICES = [
    (Technology.EV.value, "Electric vehicles"),
    (Technology.BATTERY.value, "Solar + battery"),
    (Technology.THERMOSTAT.value, "Smart thermostats"),
    (Technology.HVAC.value, "Commercial HVAC"),
    (Technology.LIGHTING.value, "Commercial lighting"),
    (Technology.INDUSTRIAL.value, "Industrial load"),
]


class Segment(models.TextChoices):
    """Whose load it is."""

    RESIDENTIAL = "RESIDENTIAL", "Residential"
    COMMERCIAL = "COMMERCIAL", "Commercial"
    INDUSTRIAL = "INDUSTRIAL", "Industrial"


class LoadZone(models.TextChoices):
    """ERCOT settlement load zones (four competitive, four of municipal and cooperative utilities)."""

    HOUSTON = "LZ_HOUSTON", "Houston"
    NORTH = "LZ_NORTH", "North"
    SOUTH = "LZ_SOUTH", "South"
    WEST = "LZ_WEST", "West"
    AEN = "LZ_AEN", "Austin Energy"
    CPS = "LZ_CPS", "CPS Energy"
    LCRA = "LZ_LCRA", "LCRA"
    RAYBN = "LZ_RAYBN", "Rayburn"


class WeatherPlace(models.TextChoices):
    """The city whose temperature stands for the cohort, one per ERCOT weather zone."""

    HOUSTON = "houston", "Houston"
    DALLAS = "dallas", "Dallas"
    AUSTIN = "austin", "Austin"
    CORPUS_CHRISTI = "corpus_christi", "Corpus Christi"
    MIDLAND = "midland", "Midland"
    TYLER = "tyler", "Tyler"
    WICHITA_FALLS = "wichita_falls", "Wichita Falls"
    ABILENE = "abilene", "Abilene"


class CohortQuerySet(models.QuerySet["Cohort"]):
    """Filters in the field's words."""

    def active(self) -> CohortQuerySet:
        """Those that may be called."""
        return self.filter(active=True)


def _positive(field: str) -> Q:
    return Q(**{f"{field}__gt": 0})


class Cohort(models.Model):
    """Accounts of one technology in one place under one programme; `enrolled_mw` is what they signed up for."""

    slug = models.SlugField(max_length=50, help_text="stem of the endpoints' names; fixed for good")
    name = models.CharField(max_length=100)
    segment = models.CharField(max_length=11, choices=Segment.choices)
    technology = models.CharField(max_length=10, choices=TECHNOLOGY_CHOICES)
    place = models.CharField(max_length=60, help_text="as shown, e.g. Austin")
    weather_place = models.CharField(max_length=14, choices=WeatherPlace.choices)
    zip = models.CharField("ZIP", max_length=5, validators=[RegexValidator(r"^[0-9]{5}$", "Give five digits.")])
    load_zone = models.CharField(max_length=10, choices=LoadZone.choices)
    enrolled_mw = models.DecimalField("enrolled MW", max_digits=9, decimal_places=3, validators=[MinValueValidator(0)])
    account_count = models.PositiveIntegerField("accounts", help_text="fixed when the cohort is created")
    active = models.BooleanField(default=True, help_text="whether it may be called")

    season_first_month = models.PositiveSmallIntegerField(help_text="1 to 12")
    season_last_month = models.PositiveSmallIntegerField(help_text="1 to 12; before the first: over the new year")
    weekdays_only = models.BooleanField(help_text="no events on Saturdays and Sundays, Central time")
    earliest_hour = models.PositiveSmallIntegerField(help_text="local hour 0 to 23: no event starts before")
    latest_hour = models.PositiveSmallIntegerField(help_text="local hour 1 to 24: every event has ended by then")
    min_event_min = models.PositiveSmallIntegerField("shortest event (min)", help_text="a multiple of 15")
    max_event_min = models.PositiveSmallIntegerField("longest event (min)", help_text="a multiple of 15")
    notice_min = models.PositiveIntegerField("notice (min)", help_text="minutes between signal and start")
    max_events_per_day = models.PositiveSmallIntegerField()
    max_events_per_season = models.PositiveSmallIntegerField()
    rest_h = models.DecimalField("rest (h)", max_digits=5, decimal_places=2, help_text="hours between two events")
    incentive_usd_per_mwh = models.DecimalField(
        "incentive (USD/MWh)", max_digits=9, decimal_places=2, help_text="paid per MWh shed"
    )
    call_fee_usd = models.DecimalField(
        "call fee (USD)", max_digits=9, decimal_places=2, default=0, help_text="paid per account called"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CohortQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="cohort_slug_once"),
            models.UniqueConstraint(
                Lower("name"), name="cohort_name_once", violation_error_message="Another cohort has this name."
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$"), name="cohort_slug_well_formed"
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(place=""), name="cohort_has_name_and_place"),
            models.CheckConstraint(condition=Q(segment__in=Segment.values), name="cohort_segment_known"),
            models.CheckConstraint(
                condition=Q(technology__in=[t.value for t in Technology]), name="cohort_technology_known"
            ),
            models.CheckConstraint(condition=Q(load_zone__in=LoadZone.values), name="cohort_load_zone_known"),
            models.CheckConstraint(
                condition=Q(weather_place__in=WeatherPlace.values), name="cohort_weather_place_known"
            ),
            models.CheckConstraint(condition=Q(zip__regex=r"^[0-9]{5}$"), name="cohort_zip_has_five_digits"),
            models.CheckConstraint(condition=_positive("enrolled_mw"), name="cohort_enrolled_mw_positive"),
            models.CheckConstraint(condition=_positive("account_count"), name="cohort_account_count_positive"),
            models.CheckConstraint(
                condition=Q(season_first_month__range=(1, 12), season_last_month__range=(1, 12)),
                name="cohort_season_in_months",
            ),
            models.CheckConstraint(
                condition=Q(earliest_hour__gte=0, earliest_hour__lt=F("latest_hour"), latest_hour__lte=24),
                name="cohort_hours_in_order",
            ),
            models.CheckConstraint(
                condition=Q(
                    min_event_min__gte=STEP_MIN, min_event_min__lte=F("max_event_min"), max_event_min__lte=1440
                ),
                name="cohort_event_length_in_order",
            ),
            models.CheckConstraint(
                condition=Q(Exact(F("min_event_min") % STEP_MIN, 0)) & Q(Exact(F("max_event_min") % STEP_MIN, 0)),
                name="cohort_event_length_in_quarter_hours",
            ),
            models.CheckConstraint(condition=Q(notice_min__gte=0), name="cohort_notice_not_negative"),
            models.CheckConstraint(condition=_positive("max_events_per_day"), name="cohort_events_per_day_positive"),
            models.CheckConstraint(
                condition=_positive("max_events_per_season"), name="cohort_events_per_season_positive"
            ),
            models.CheckConstraint(condition=Q(rest_h__gte=0), name="cohort_rest_not_negative"),
            models.CheckConstraint(
                condition=Q(incentive_usd_per_mwh__gte=0, call_fee_usd__gte=0), name="cohort_incentives_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kw_per_account(self) -> float:
        """Enrolled kW of one account: derived from the cohort's totals, never rounded per device."""
        return kw_of_mw(float(self.enrolled_mw)) / self.account_count

    @property
    def season_months(self) -> tuple[int, ...]:
        """Months 1 to 12 in which events are allowed; a season may run over the new year (12 to 2)."""
        first, last = self.season_first_month, self.season_last_month
        if first <= last:
            return tuple(range(first, last + 1))
        return (*range(first, 13), *range(1, last + 1))

    @property
    def rules(self) -> ProgrammeRules:
        """The programme's limits as the planner reads them."""
        return ProgrammeRules(
            season_months=self.season_months,
            weekdays_only=self.weekdays_only,
            earliest_hour=self.earliest_hour,
            latest_hour=self.latest_hour,
            min_event_min=self.min_event_min,
            max_event_min=self.max_event_min,
            notice_min=self.notice_min,
            max_events_per_day=self.max_events_per_day,
            max_events_per_season=self.max_events_per_season,
            rest_h=float(self.rest_h),
            incentive_usd_per_mwh=float(self.incentive_usd_per_mwh),
            call_fee_usd=float(self.call_fee_usd),
        )

    @property
    def response_model(self) -> ResponseModel:
        """How one account of this technology answers a call."""
        return RESPONSE_MODELS[Technology(self.technology)]


class Account(models.Model):
    """One customer of a cohort. Numbers run from 1; events name accounts by number."""

    class Status(models.TextChoices):
        ENROLLED = "ENROLLED", "enrolled"
        UNENROLLED = "UNENROLLED", "left the programme"
        OPTED_OUT = "OPTED_OUT", "opted out until further notice"

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="accounts")
    number = models.PositiveIntegerField(help_text="1 to the cohort's account_count")
    zip = models.CharField("ZIP", max_length=5)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ENROLLED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cohort", "number"], name="account_number_once_per_cohort"),
            models.CheckConstraint(condition=_positive("number"), name="account_number_positive"),
            models.CheckConstraint(condition=Q(zip__regex=r"^[0-9]{5}$"), name="account_zip_has_five_digits"),
            models.CheckConstraint(
                condition=Q(status__in=["ENROLLED", "UNENROLLED", "OPTED_OUT"]), name="account_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.number} of cohort {self.cohort_id}"


class Endpoint(models.Model):
    """The device behind an account, as a VEN resource."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="endpoint")
    ven_resource = models.CharField(max_length=64, help_text="OpenADR resource name, e.g. residential-ev-austin-0001")
    online = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ven_resource"], name="endpoint_ven_resource_once"),
            models.CheckConstraint(condition=~Q(ven_resource=""), name="endpoint_has_a_ven_resource"),
        ]

    def __str__(self) -> str:
        return self.ven_resource


class CohortChange(models.Model):
    """Somebody created or changed a cohort. Append-only, written with the change itself."""

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="changes")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="null: the installation itself, when it writes demo data",
    )
    at = models.DateTimeField(help_text="portal time")
    wall_at = models.DateTimeField(auto_now_add=True)
    before = models.JSONField(null=True, help_text="changed fields as they were; null when the cohort was created")
    after = models.JSONField(help_text="the same fields as they are now")

    def __str__(self) -> str:
        return f"{'change' if self.before else 'creation'} of {self.cohort}"
