"""Numbers and instants as operators read them: unit, thousands separator, time zone; never blank for zero."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html

from grid.core.intervals import CENTRAL

register = template.Library()
UNKNOWN = "not known"


@register.filter
def mw(value: Any) -> str:
    """`51.1 MW`; one decimal, thousands separated."""
    return UNKNOWN if value is None else f"{float(value):,.1f} MW"


@register.filter
def whole_mw(value: Any) -> str:
    """`81,902 MW` for system quantities."""
    return UNKNOWN if value is None else f"{float(value):,.0f} MW"


@register.filter
def number(value: Any, places: int = 1) -> str:
    """A bare number for a column whose header has the unit."""
    return UNKNOWN if value is None else f"{float(value):,.{places}f}"


@register.filter
def whole(value: Any) -> str:
    """A bare whole number whose sign may be minus: `−1,200`."""
    return UNKNOWN if value is None else f"{float(value):,.0f}".replace("-", "−")


@register.filter
def usd(value: Any) -> str:
    """`$61,300`; whole dollars."""
    return UNKNOWN if value is None else f"${float(value):,.0f}"


@register.filter
def usd_per_mwh(value: Any) -> str:
    """`118 $/MWh`."""
    return UNKNOWN if value is None else f"{float(value):,.0f} $/MWh"


@register.filter
def pct(share: Any) -> str:
    """A share 0..1 as `83 %`."""
    return UNKNOWN if share is None else f"{float(share) * 100:.0f} %"


@register.filter
def pct_fine(share: Any) -> str:
    """A share 0..1 as `5.1 %`."""
    return UNKNOWN if share is None else f"{float(share) * 100:.1f} %"


@register.filter
def instant(at: datetime | None) -> str:
    """`Tue 18 Aug 15:36 CDT`; the zone's own letters tell the repeated hour apart."""
    return UNKNOWN if at is None else f"{at.astimezone(CENTRAL):%a %-d %b %H:%M %Z}"


@register.filter
def clock_time(at: datetime | None) -> str:
    """`15:36 CDT`."""
    return UNKNOWN if at is None else f"{at.astimezone(CENTRAL):%H:%M %Z}"


@register.simple_tag
def span(start: datetime, end: datetime) -> str:
    """`Tue 18 Aug 17:00-21:00 CDT`; the second day is named when it differs."""
    first, last = start.astimezone(CENTRAL), end.astimezone(CENTRAL)
    tail = f"{last:%H:%M %Z}" if first.date() == last.date() else f"{last:%a %-d %b %H:%M %Z}"
    return f"{first:%a %-d %b %H:%M}–{tail}"


@register.simple_tag
def age(at: datetime | None, now: datetime) -> str:
    """`3 min old` in the portal's clock; js/clock.js lets it grow."""
    if at is None:
        return UNKNOWN
    return format_html('<time datetime="{}" data-age>{} old</time>', at.isoformat(), duration_words(now - at))


@register.simple_tag
def until(at: datetime | None, now: datetime, near: timedelta = timedelta()) -> str:
    """`in 54 min`, or `12 min ago`; js/clock.js counts it down, and at `near` asks for what it stands in again."""
    if at is None:
        return UNKNOWN
    words = f"in {duration_words(at - now)}" if at >= now else f"{duration_words(now - at)} ago"
    near_s = int(near.total_seconds())
    return format_html('<time datetime="{}" data-until data-near="{}">{}</time>', at.isoformat(), near_s, words)


def duration_words(length: timedelta) -> str:
    """`54 min`, `2 h 5 min`, `3 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"
