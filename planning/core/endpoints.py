"""Which endpoints are called: the least-called first, each in one run, written as inclusive number ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class TooFewEndpoints(ValueError):
    """The runs want more endpoints than are eligible."""

    def __init__(self, *, asked: int, eligible: int) -> None:
        self.asked, self.eligible = asked, eligible
        super().__init__(f"{asked} endpoints asked, {eligible} eligible")


@dataclass(frozen=True, slots=True, order=True)
class EndpointRange:
    """Endpoint numbers first..last, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1

    @classmethod
    def parse(cls, text: str) -> EndpointRange:
        """From "1-1200". Raises ValueError."""
        first, _, last = text.partition("-")
        found = cls(int(first), int(last))
        if not 1 <= found.first <= found.last:
            raise ValueError(f"{text!r} is not a range of endpoint numbers")
        return found


Ranges = tuple[EndpointRange, ...]


def assign_endpoints(numbers: Sequence[int], run_accounts: Sequence[int]) -> tuple[Ranges, ...]:
    """Ranges for each run, in the order of `run_accounts`.

    `numbers` are the eligible endpoint numbers, those to be called first at the front (fewest calls so far); every run
    takes the next so many, none twice. Raises TooFewEndpoints.
    """
    if sum(run_accounts) > len(numbers):
        raise TooFewEndpoints(asked=sum(run_accounts), eligible=len(numbers))
    assigned, taken = [], 0
    for accounts in run_accounts:
        assigned.append(ranges_of(numbers[taken : taken + accounts]))
        taken += accounts
    return tuple(assigned)


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """The fewest ascending ranges holding exactly these numbers."""
    ranges: list[EndpointRange] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1].last + 1:
            ranges[-1] = EndpointRange(ranges[-1].first, number)
        else:
            ranges.append(EndpointRange(number, number))
    return tuple(ranges)


def count(ranges: Iterable[EndpointRange]) -> int:
    """How many endpoints the ranges hold."""
    return sum(len(each) for each in ranges)
