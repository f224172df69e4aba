"""The alternatives to a plan as its page tells them: each with its consequence in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grid.core.intervals import CENTRAL
from planning.core.solution import DO_NOTHING, Alternative
from planning.models import Strategy
from portal.views.csv_answer import Sheet

SAME_MW: Final = 0.05  # less than one shown decimal is no difference
SAME_USD: Final = 0.5
NOTHING_NAME: Final = "Do nothing"


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One row: the option, its name, whether it is the plan itself, and what choosing it would mean."""

    option: Alternative
    name: str
    is_this: bool
    consequence: str

    @property
    def net_usd(self) -> int:
        """Worth less cost, of the numbers as shown."""
        return round(self.option.value_usd) - round(self.option.cost_usd)


def option_lines(options: Sequence[Alternative], *, strategy: str) -> list[OptionLine]:
    """In the order given; `strategy` is the plan's own."""
    this = next(each for each in options if each.option == strategy)
    return [
        OptionLine(each, name_of(each), each is this, "this plan" if each is this else consequence(each, this))
        for each in options
    ]


def name_of(option: Alternative) -> str:
    """`Do nothing`, or the strategy's label."""
    return NOTHING_NAME if option.option == DO_NOTHING else str(Strategy(option.option).label)


def consequence(option: Alternative, this: Alternative) -> str:
    """What differs if it were chosen instead of `this`."""
    if option.why_not:
        return f"Not possible: {option.why_not}."
    if option.option == DO_NOTHING:
        return _exposure(option)
    said = ", ".join(_differences(option, this))
    return f"{said}." if said else "Comes to the same."


def _exposure(option: Alternative) -> str:
    if option.exposed_usd is None or option.exposed_mwh is None:
        return "Nothing is called."
    words = f"{option.exposed_mwh:,.0f} MWh more are bought for about ${option.exposed_usd:,.0f}"
    if option.highest_usd_per_mwh is None or option.highest_at is None:
        return f"{words}."
    at = f"{option.highest_at.astimezone(CENTRAL):%H:%M}"
    return f"{words}, at up to {option.highest_usd_per_mwh:,.0f} $/MWh (from {at})."


def _differences(option: Alternative, this: Alternative) -> Iterator[str]:
    """Between the numbers as shown, so that the row's own sums are right."""
    firm_mw = round(option.firm_p90_mw, 1) - round(this.firm_p90_mw, 1)
    if abs(firm_mw) >= SAME_MW:
        yield f"{abs(firm_mw):,.1f} MW {'more' if firm_mw > 0 else 'less'} firm"
    paid_usd = round(option.cost_usd) - round(this.cost_usd)
    if abs(paid_usd) >= SAME_USD:
        yield f"${abs(paid_usd):,.0f} {'more' if paid_usd > 0 else 'less'} paid"
    back_mwh = round(option.rebound_mwh, 1) - round(this.rebound_mwh, 1)
    if abs(back_mwh) >= SAME_MW:
        yield f"{abs(back_mwh):,.1f} MWh {'more' if back_mwh > 0 else 'less'} rebound"


def sheet(lines: Sequence[OptionLine], *, plan_id: int) -> Sheet:
    """The rows as a file."""
    return Sheet(
        name=f"plan-{plan_id}-alternatives",
        header=(
            "option",
            "this_plan",
            "target_mw",
            "planned_p50_mw",
            "firm_p90_mw",
            "confidence",
            "endpoints",
            "cost_usd",
            "value_usd",
            "net_usd",
            "rebound_mwh",
            "consequence",
        ),
        rows=[
            (
                line.name,
                line.is_this,
                line.option.target_mw,
                line.option.planned_p50_mw,
                line.option.firm_p90_mw,
                line.option.confidence,
                line.option.endpoints,
                line.option.cost_usd,
                line.option.value_usd,
                line.option.net_usd,
                line.option.rebound_mwh,
                line.consequence,
            )
            for line in lines
        ],
    )
