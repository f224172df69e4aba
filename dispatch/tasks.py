"""Entry points of the task queue: simulated endpoints answer, what they delivered is measured. Safe to run twice."""

from __future__ import annotations

from django.utils import timezone

from dispatch.operations import measure_events, simulate_responses
from grid.clock import now


def simulate() -> None:
    """Let the simulated endpoints do what they do up to now."""
    simulate_responses(at=now(), wall_at=timezone.now())


def measure() -> None:
    """Measure what has ended and what is still coming back."""
    measure_events(at=now(), wall_at=timezone.now())
