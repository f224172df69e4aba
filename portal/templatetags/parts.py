"""Parts with an age: a value with its unit and source, an instant with its distance from now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.templatetags.quantities import UNKNOWN, clock_time, duration_words, instant, number, until

register = template.Library()
STALE_AFTER: Final = timedelta(minutes=15)


@register.inclusion_tag("portal/components/reading.html")
def reading(
    value: Any,
    unit: str,
    *,
    at: datetime | None,
    now: datetime,
    source: str = "",
    places: int = 1,
    stale_after: timedelta = STALE_AFTER,
) -> dict[str, Any]:
    """A number as it was read: unit beside it, source and age below; hatched and named once it is stale.

    `value` None is `not known`, never blank; `at` is when it was true, `now` portal time.
    """
    age = now - at if at is not None else None
    return {
        "known": value is not None,
        "value": number(value, places),
        "unit": unit,
        "source": source,
        "read_at": clock_time(at),
        "age": UNKNOWN if age is None else duration_words(age),
        "stale": age is None or age > stale_after,
    }


@register.simple_tag
def stamp(at: datetime | None) -> SafeString | str:
    """`Tue 18 Aug 15:36 CDT`, with UTC for the pointer. The zone's letters tell the repeated hour apart."""
    if at is None:
        return UNKNOWN
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{utc:%Y-%m-%d %H:%M} UTC", instant(at)
    )


@register.simple_tag
def when(at: datetime | None, now: datetime) -> SafeString | str:
    """The instant and how far it is: `Tue 18 Aug 15:36 CDT, in 54 min`."""
    return UNKNOWN if at is None else format_html("{}, {}", stamp(at), until(at, now))
