"""App configuration."""

from django.apps import AppConfig


class CohortsConfig(AppConfig):
    """Who can flex: cohorts, accounts, endpoints, programme rules."""

    name = "cohorts"
