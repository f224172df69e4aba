import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProcessHeartbeat",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("wall_at", models.DateTimeField()),
                ("portal_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Clock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "mode",
                    models.CharField(
                        choices=[("LIVE", "Live"), ("REPLAY", "Replay"), ("DRILL", "Drill")],
                        default="LIVE",
                        max_length=8,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        default="synthetic", help_text="'synthetic' or a replay file's path", max_length=1000
                    ),
                ),
                ("random_seed", models.IntegerField(default=1, help_text="of the synthetic feed")),
                (
                    "data_source",
                    models.CharField(
                        default="synthetic:1",
                        help_text="the source observations carry; a replay file's holds its hash",
                        max_length=200,
                    ),
                ),
                ("label", models.CharField(default="SIMULATED GRID", max_length=200)),
                ("scenario_start", models.DateTimeField(blank=True, null=True)),
                ("scenario_end", models.DateTimeField(blank=True, null=True)),
                ("scenario_anchor", models.DateTimeField(blank=True, null=True)),
                ("wall_anchor", models.DateTimeField(blank=True, null=True)),
                ("speed", models.FloatField(default=1.0, help_text="scenario seconds per wall second")),
                ("paused", models.BooleanField(default=False, help_text="by a person")),
                (
                    "vote_pending",
                    models.BooleanField(default=False, help_text="a plan awaits a vote and no event runs"),
                ),
                ("hold_for_votes", models.BooleanField(default=True)),
                (
                    "run",
                    models.PositiveIntegerField(
                        default=0, help_text="which scenario run this is, counted from 1; 0 when live"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "clock",
                "permissions": [("control_clock", "Can pause, resume, step and speed up the scenario clock")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="clock_is_a_single_row"),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["LIVE", "REPLAY", "DRILL"])), name="clock_mode_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("speed__gte", 1), ("speed__lte", 600)), name="clock_speed_between_1_and_600"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("mode", "LIVE"),
                                ("paused", False),
                                ("scenario_anchor", None),
                                ("scenario_start", None),
                                ("wall_anchor", None),
                            ),
                            models.Q(
                                models.Q(("mode", "LIVE"), _negated=True),
                                ("scenario_anchor__gte", models.F("scenario_start")),
                                ("scenario_anchor__isnull", False),
                                ("scenario_end__gt", models.F("scenario_start")),
                                ("scenario_end__isnull", False),
                                ("scenario_start__isnull", False),
                                ("wall_anchor__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="clock_scenario_is_complete",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode", "LIVE"), models.Q(("label", ""), _negated=True), _connector="OR"),
                        name="clock_scenario_has_a_label",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode", "LIVE"), ("run", 0))
                        | models.Q(models.Q(("mode", "LIVE"), _negated=True), ("run__gt", 0)),
                        name="clock_scenario_run_is_numbered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClockChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("STARTED", "started"),
                            ("CONTINUED", "continued"),
                            ("PAUSED", "paused"),
                            ("RESUMED", "resumed"),
                            ("SPEED_SET", "speed set"),
                            ("STEPPED", "stepped"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("LIVE", "Live"), ("REPLAY", "Replay"), ("DRILL", "Drill")], max_length=8
                    ),
                ),
                ("source", models.CharField(max_length=1000)),
                ("speed", models.FloatField()),
                ("hold_for_votes", models.BooleanField()),
                ("run", models.PositiveIntegerField(default=0)),
                ("wall_at", models.DateTimeField()),
                ("before_at", models.DateTimeField(help_text="portal time just before", null=True)),
                ("after_at", models.DateTimeField(help_text="portal time just after")),
                (
                    "by",
                    models.ForeignKey(
                        help_text="empty: the start",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ForecastVintage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(help_text="of the observations it was made for", max_length=200)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("DAY_AHEAD", "day-ahead forecast as published"),
                            ("PORTAL", "the portal's own forecast from the past"),
                            ("MIXED", "day-ahead where published, the portal's own beyond"),
                        ],
                        max_length=12,
                    ),
                ),
                ("label", models.CharField(max_length=200)),
                ("issued_at", models.DateTimeField()),
                ("known_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "method", "known_at"), name="forecast_vintage_once_per_instant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["DAY_AHEAD", "PORTAL", "MIXED"])),
                        name="forecast_method_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("known_at__gte", models.F("issued_at"))),
                        name="forecast_known_not_before_issued",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("observed_at", models.DateTimeField()),
                ("source", models.CharField(max_length=200)),
                ("system_load_mw", models.FloatField(null=True)),
                ("zone_load_mw", models.JSONField(default=dict, help_text="MW by weather zone")),
                ("prices_usd_per_mwh", models.JSONField(default=dict, help_text="by load zone; null where not known")),
                ("highest_price_usd_per_mwh", models.FloatField(help_text="highest known load-zone price", null=True)),
                ("reserves_mw", models.FloatField(null=True)),
                (
                    "reserves_kind",
                    models.CharField(
                        choices=[("MEASURED", "measured"), ("DERIVED", "derived")], max_length=8, null=True
                    ),
                ),
                ("eea_level", models.SmallIntegerField(help_text="declared by ERCOT, 0-3; null: not known", null=True)),
                ("wind_mw", models.FloatField(null=True)),
                ("solar_mw", models.FloatField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "observed_at"), name="snapshot_once_per_source_and_instant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("system_load_mw__gte", 0)), name="snapshot_load_is_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("eea_level__range", (0, 3))), name="snapshot_eea_level_is_0_to_3"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reserves_kind", None), ("reserves_mw", None)),
                            models.Q(
                                ("reserves_kind__in", ["MEASURED", "DERIVED"]),
                                ("reserves_kind__isnull", False),
                                ("reserves_mw__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="snapshot_reserves_say_their_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WeatherObservation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.CharField(max_length=40)),
                ("observed_at", models.DateTimeField()),
                ("source", models.CharField(max_length=200)),
                ("temp_f", models.FloatField(null=True)),
                ("humidity_pct", models.FloatField(null=True)),
                ("wind_mph", models.FloatField(null=True)),
                ("conditions", models.CharField(max_length=40, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "place", "observed_at"), name="weather_once_per_source_place_and_instant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("humidity_pct__range", (0, 100))), name="weather_humidity_is_a_percentage"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("wind_mph__gte", 0)), name="weather_wind_is_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ForecastPoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("DAY_AHEAD", "day-ahead forecast as published"),
                            ("PORTAL", "the portal's own forecast from the past"),
                            ("MIXED", "day-ahead where published, the portal's own beyond"),
                        ],
                        help_text="who says this hour",
                        max_length=12,
                    ),
                ),
                ("load_mw", models.FloatField()),
                ("p10_mw", models.FloatField(null=True)),
                ("p90_mw", models.FloatField(null=True)),
                ("price_usd_per_mwh", models.FloatField(help_text="expected highest load-zone price", null=True)),
                (
                    "vintage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="points", to="grid.forecastvintage"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("vintage", "starts_at"), name="forecast_point_once_per_hour"),
                    models.CheckConstraint(
                        condition=models.Q(("load_mw__gte", 0)), name="forecast_load_is_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("p10_mw", None), ("p90_mw", None)),
                            models.Q(
                                ("p10_mw__isnull", False),
                                ("p10_mw__lte", models.F("load_mw")),
                                ("p90_mw__gte", models.F("load_mw")),
                                ("p90_mw__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="forecast_band_holds_the_load",
                    ),
                ],
            },
        ),
    ]
