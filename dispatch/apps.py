"""App configuration."""

from django.apps import AppConfig


class DispatchConfig(AppConfig):
    """Doing it: signals to VENs, what came back, what was delivered."""

    name = "dispatch"
