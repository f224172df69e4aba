"""App configuration."""

from django.apps import AppConfig


class PlanningConfig(AppConfig):
    """What to do: problem, solution, plan, approval."""

    name = "planning"
