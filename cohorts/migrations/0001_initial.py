# The first schema of the app.

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cohort",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(help_text="stem of the endpoints' names; fixed for good")),
                ("name", models.CharField(max_length=100)),
                (
                    "segment",
                    models.CharField(
                        choices=[
                            ("RESIDENTIAL", "Residential"),
                            ("COMMERCIAL", "Commercial"),
                            ("INDUSTRIAL", "Industrial"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "technology",
                    models.CharField(
                        choices=[
                            ("EV", "Electric vehicles"),
                            ("BATTERY", "Solar + battery"),
                            ("THERMOSTAT", "Smart thermostats"),
                            ("HVAC", "Commercial HVAC"),
                            ("LIGHTING", "Commercial lighting"),
                            ("INDUSTRIAL", "Industrial load"),
                        ],
                        max_length=10,
                    ),
                ),
                ("place", models.CharField(help_text="as shown, e.g. Austin", max_length=60)),
                (
                    "weather_place",
                    models.CharField(
                        choices=[
                            ("houston", "Houston"),
                            ("dallas", "Dallas"),
                            ("austin", "Austin"),
                            ("corpus_christi", "Corpus Christi"),
                            ("midland", "Midland"),
                            ("tyler", "Tyler"),
                            ("wichita_falls", "Wichita Falls"),
                            ("abilene", "Abilene"),
                        ],
                        max_length=14,
                    ),
                ),
                (
                    "zip",
                    models.CharField(
                        max_length=5,
                        validators=[django.core.validators.RegexValidator("^[0-9]{5}$", "Give five digits.")],
                        verbose_name="ZIP",
                    ),
                ),
                (
                    "load_zone",
                    models.CharField(
                        choices=[
                            ("LZ_HOUSTON", "Houston"),
                            ("LZ_NORTH", "North"),
                            ("LZ_SOUTH", "South"),
                            ("LZ_WEST", "West"),
                            ("LZ_AEN", "Austin Energy"),
                            ("LZ_CPS", "CPS Energy"),
                            ("LZ_LCRA", "LCRA"),
                            ("LZ_RAYBN", "Rayburn"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "enrolled_mw",
                    models.DecimalField(
                        decimal_places=3,
                        max_digits=9,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="enrolled MW",
                    ),
                ),
                (
                    "account_count",
                    models.PositiveIntegerField(help_text="fixed when the cohort is created", verbose_name="accounts"),
                ),
                ("active", models.BooleanField(default=True, help_text="whether it may be called")),
                ("season_first_month", models.PositiveSmallIntegerField(help_text="1 to 12")),
                (
                    "season_last_month",
                    models.PositiveSmallIntegerField(help_text="1 to 12; before the first: over the new year"),
                ),
                ("weekdays_only", models.BooleanField(help_text="no events on Saturdays and Sundays, Central time")),
                (
                    "earliest_hour",
                    models.PositiveSmallIntegerField(help_text="local hour 0 to 23: no event starts before"),
                ),
                (
                    "latest_hour",
                    models.PositiveSmallIntegerField(help_text="local hour 1 to 24: every event has ended by then"),
                ),
                (
                    "min_event_min",
                    models.PositiveSmallIntegerField(help_text="a multiple of 15", verbose_name="shortest event (min)"),
                ),
                (
                    "max_event_min",
                    models.PositiveSmallIntegerField(help_text="a multiple of 15", verbose_name="longest event (min)"),
                ),
                (
                    "notice_min",
                    models.PositiveIntegerField(
                        help_text="minutes between signal and start", verbose_name="notice (min)"
                    ),
                ),
                ("max_events_per_day", models.PositiveSmallIntegerField()),
                ("max_events_per_season", models.PositiveSmallIntegerField()),
                (
                    "rest_h",
                    models.DecimalField(
                        decimal_places=2, help_text="hours between two events", max_digits=5, verbose_name="rest (h)"
                    ),
                ),
                (
                    "incentive_usd_per_mwh",
                    models.DecimalField(
                        decimal_places=2,
                        help_text="paid per MWh shed",
                        max_digits=9,
                        verbose_name="incentive (USD/MWh)",
                    ),
                ),
                (
                    "call_fee_usd",
                    models.DecimalField(
                        decimal_places=2,
                        default=0,
                        help_text="paid per account called",
                        max_digits=9,
                        verbose_name="call fee (USD)",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("slug",), name="cohort_slug_once"),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        name="cohort_name_once",
                        violation_error_message="Another cohort has this name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z0-9]+(-[a-z0-9]+)*$")), name="cohort_slug_well_formed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True), models.Q(("place", ""), _negated=True)
                        ),
                        name="cohort_has_name_and_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("segment__in", ["RESIDENTIAL", "COMMERCIAL", "INDUSTRIAL"])),
                        name="cohort_segment_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("technology__in", ["EV", "BATTERY", "THERMOSTAT", "HVAC", "LIGHTING", "INDUSTRIAL"])
                        ),
                        name="cohort_technology_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "load_zone__in",
                                [
                                    "LZ_HOUSTON",
                                    "LZ_NORTH",
                                    "LZ_SOUTH",
                                    "LZ_WEST",
                                    "LZ_AEN",
                                    "LZ_CPS",
                                    "LZ_LCRA",
                                    "LZ_RAYBN",
                                ],
                            )
                        ),
                        name="cohort_load_zone_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "weather_place__in",
                                [
                                    "houston",
                                    "dallas",
                                    "austin",
                                    "corpus_christi",
                                    "midland",
                                    "tyler",
                                    "wichita_falls",
                                    "abilene",
                                ],
                            )
                        ),
                        name="cohort_weather_place_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("zip__regex", "^[0-9]{5}$")), name="cohort_zip_has_five_digits"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("enrolled_mw__gt", 0)), name="cohort_enrolled_mw_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("account_count__gt", 0)), name="cohort_account_count_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("season_first_month__range", (1, 12)), ("season_last_month__range", (1, 12))
                        ),
                        name="cohort_season_in_months",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("earliest_hour__gte", 0),
                            ("earliest_hour__lt", models.F("latest_hour")),
                            ("latest_hour__lte", 24),
                        ),
                        name="cohort_hours_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_event_min__lte", 1440),
                            ("min_event_min__gte", 15),
                            ("min_event_min__lte", models.F("max_event_min")),
                        ),
                        name="cohort_event_length_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.Exact(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("min_event_min"), "%%", models.Value(15)
                                ),
                                0,
                            ),
                            django.db.models.lookups.Exact(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("max_event_min"), "%%", models.Value(15)
                                ),
                                0,
                            ),
                        ),
                        name="cohort_event_length_in_quarter_hours",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("notice_min__gte", 0)), name="cohort_notice_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_events_per_day__gt", 0)), name="cohort_events_per_day_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_events_per_season__gt", 0)), name="cohort_events_per_season_positive"
                    ),
                    models.CheckConstraint(condition=models.Q(("rest_h__gte", 0)), name="cohort_rest_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(("call_fee_usd__gte", 0), ("incentive_usd_per_mwh__gte", 0)),
                        name="cohort_incentives_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="1 to the cohort's account_count")),
                ("zip", models.CharField(max_length=5, verbose_name="ZIP")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ENROLLED", "enrolled"),
                            ("UNENROLLED", "left the programme"),
                            ("OPTED_OUT", "opted out until further notice"),
                        ],
                        default="ENROLLED",
                        max_length=10,
                    ),
                ),
                (
                    "cohort",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="accounts", to="cohorts.cohort"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CohortChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(help_text="portal time")),
                ("wall_at", models.DateTimeField(auto_now_add=True)),
                (
                    "before",
                    models.JSONField(
                        help_text="changed fields as they were; null when the cohort was created", null=True
                    ),
                ),
                ("after", models.JSONField(help_text="the same fields as they are now")),
                (
                    "by",
                    models.ForeignKey(
                        help_text="null: the installation itself, when it writes demo data",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "cohort",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="cohorts.cohort"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "ven_resource",
                    models.CharField(help_text="OpenADR resource name, e.g. residential-ev-austin-0001", max_length=64),
                ),
                ("online", models.BooleanField(default=True)),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="endpoint", to="cohorts.account"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(fields=("cohort", "number"), name="account_number_once_per_cohort"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="account_number_positive"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("zip__regex", "^[0-9]{5}$")), name="account_zip_has_five_digits"
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["ENROLLED", "UNENROLLED", "OPTED_OUT"])), name="account_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(fields=("ven_resource",), name="endpoint_ven_resource_once"),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("ven_resource", ""), _negated=True), name="endpoint_has_a_ven_resource"
            ),
        ),
    ]
