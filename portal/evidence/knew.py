"""Who knew what: what the plan rested on, what it proposed, who looked at it, said what and how it was changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from planning.core.plan_content import PlanContent
from planning.core.solution import DO_NOTHING
from portal.evidence.material import Material, Version
from portal.evidence.parts import (
    NOT_KNOWN,
    Column,
    Detail,
    Row,
    Section,
    Table,
    amount,
    instant_words,
    listed,
    real_time,
    row,
    span_words,
)
from portal.evidence.stream import Entry
from portal.templatetags.pages import share_of_ten, source_words, strategy_words
from portal.templatetags.quantities import duration_words
from portal.views.plan_reading import differences

KEY: Final = "knew"
QUESTION: Final = "Who knew what?"
F_PER_C: Final = "°F"


def knew(found: Material) -> Section:
    """The section."""
    tables = (
        *(_known(found, version) for version in found.versions[-1:]),
        _proposed(found),
        _alternatives(found),
        *(_changes(found, old, new) for old, new in zip(found.versions, found.versions[1:], strict=False)),
        _viewings(found),
        _estimates(found),
        _comments(found),
        _escalations(found),
    )
    return Section(KEY, QUESTION, tuple(_answer(found)), tables)


def _answer(found: Material) -> Iterable[str]:
    last = found.current or (found.versions[-1] if found.versions else None)
    if last is None:
        yield "No version of this plan is in the record, so nobody was shown one."
        return
    content = last.content
    yield (
        f"Version {last.number} rested on grid data {_age(content, content.grid.observed_at)} and a load forecast"
        f" {_age(content, content.forecast.issued_at)} when it was proposed; it planned"
        f" {amount(content.planned_p50_mw, 'MW')}, at least {amount(content.firm_p90_mw, 'MW')} of it 9 times in 10."
    )
    looked = _seconds(found)
    seen = listed(found.who(person) for person, version in looked if version == last.key)
    yield f"It stood before the eyes of {seen}, as far as their browsers told."
    if len(found.versions) > 1:
        times = len(found.versions) - 1
        yield f"It was changed {'once' if times == 1 else f'{times} times'} before the decision."


def _known(found: Material, version: Version) -> Table:
    content, basis = version.content, version.content.basis
    observed, issued = content.grid.observed_at, content.forecast.issued_at
    source, entry = source_words(content.grid.source), version.entry

    def line(what: str, value: str, whose: str, at: datetime | None) -> Row:
        return row((what, value, whose, instant_words(at), _age(content, at)), entry)

    lines = [
        line("Grid state", content.grid_state, source, observed),
        line("Reserves", amount(basis.reserves_mw, "MW", 0), source, observed),
        line(
            "Load forecast, peak of the window",
            amount(basis.forecast_peak_mw, "MW", 0),
            content.forecast.source,
            issued,
        ),
        line(
            "Expected price, mean of the window",
            amount(basis.price_usd_per_mwh, "$/MWh", 2),
            f"expected from past days, {source}",
            observed,
        ),
        line("Temperature forecast, mean of window and cohorts", amount(basis.temp_f, F_PER_C), *_weather(found)),
        line(
            "Endpoints that may be called", amount(basis.accounts, "", 0), "the portal's cohorts", content.proposed_at
        ),
    ]
    return Table(
        "known",
        f"What was known when version {version.number} was proposed, {instant_words(content.proposed_at)}",
        (Column("What"), Column("Value", number=True), Column("Source"), Column("As of"), Column("Age then")),
        tuple(lines),
        "",
        note=(
            "Pinned in the content that people decided upon. The weather's source and age are looked up now:"
            " the content pins its temperature alone. Ages are portal time."
        ),
    )


def _weather(found: Material) -> tuple[str, datetime | None]:
    """Source, and the age of the oldest observation among the cohorts' places."""
    if not found.weather:
        return NOT_KNOWN, None
    oldest = min(found.weather, key=lambda each: each.observed_at)
    places = listed(each.place.replace("_", " ") for each in found.weather)
    return f"{source_words(oldest.source)}, {places}", oldest.observed_at


def _age(content: PlanContent, at: datetime | None) -> str:
    if at is None:
        return f"of an age that is {NOT_KNOWN}"
    age = content.proposed_at - at
    return f"{duration_words(age)} old" if age >= timedelta(minutes=1) else "less than 1 min old"


def _proposed(found: Material) -> Table:
    return Table(
        "proposed",
        "What was proposed",
        (
            Column("Version"),
            Column("Window"),
            Column("Strategy"),
            Column("Planned, MW", number=True),
            Column("Firm 9 in 10, MW", number=True),
            Column("Endpoints", number=True),
            Column("Cost, $", number=True),
            Column("Value, $", number=True),
            Column("Chance of the whole target"),
            Column("Content SHA-256", code=True),
        ),
        tuple(_version(version) for version in found.versions),
        "The planner proposed nothing.",
    )


def _version(version: Version) -> Row:
    content = version.content
    why = "\n".join(["Why:", *content.rationale, "", "Limits that bound it:", *(x.sentence for x in content.limits)])
    called = "\n".join(
        f"{each.name}: {each.accounts_called:,} of {each.accounts_eligible:,} endpoints, {each.mean_mw:,.1f} MW"
        for each in content.cohorts
    )
    left = "\n".join(f"{each.cohort}: {each.reason}" for each in content.not_called) or "nobody"
    text = (
        f"{why}\n\nCalled:\n{called}\n\nConsidered and not called:\n{left}\n\n"
        f"Planner {content.planner_build}, renderer {content.renderer_version}, solver {content.solver_status}"
    )
    return row(
        (
            f"{version.number}",
            span_words(content.window_start, content.window_end),
            strategy_words(content.strategy.value),
            amount(content.planned_p50_mw),
            amount(content.firm_p90_mw),
            amount(content.accounts_called, "", 0),
            amount(content.cost_usd, "", 0),
            amount(content.value_usd, "", 0),
            share_of_ten(float(content.confidence)),
            version.entry.row["content_hash"],
        ),
        version.entry,
        detail=Detail(f"Reasons, cohorts and planner of version {version.number}", text),
    )


def _alternatives(found: Material) -> Table:
    return Table(
        "alternatives",
        "What else could have been done, as it was shown",
        (
            Column("Version"),
            Column("Instead"),
            Column("Planned, MW", number=True),
            Column("Firm 9 in 10, MW", number=True),
            Column("Short of target, MW", number=True),
            Column("Endpoints", number=True),
            Column("Cost, $", number=True),
            Column("Value, $", number=True),
        ),
        tuple(_alternative(found, entry) for entry in found.rows("planning_alternative")),
        "No alternative is in the record.",
    )


def _alternative(found: Material, entry: Entry) -> Row:
    given = entry.row
    option = "do nothing" if given["option"] == DO_NOTHING else strategy_words(given["option"])
    if given["exposed_usd"] is not None:
        option += f": {amount(given['exposed_mwh'], 'MWh')} to be bought for ${amount(given['exposed_usd'], '', 0)}"
    why = given["why_not"]
    return row(
        (
            found.number_of(given["version_id"]).removeprefix("version "),
            f"{option}: not possible, {why}" if why else option,
            amount(given["planned_p50_mw"]),
            amount(given["firm_p90_mw"]),
            "–" if given["option"] == DO_NOTHING else amount(given["shortfall_mw"]),
            amount(given["endpoints"], "", 0),
            amount(given["cost_usd"], "", 0),
            amount(given["value_usd"], "", 0),
        ),
        entry,
    )


def _changes(found: Material, old: Version, new: Version) -> Table:
    asked = next((x for x in found.rows("planning_planrequest") if x.row["id"] == new.entry.row["request_id"]), None)
    who = found.who(asked.row["by_id"], "the watch agent") if asked else NOT_KNOWN
    why = f", “{asked.row['reason']}”" if asked and asked.row["reason"] else ""
    return Table(
        f"changes-{new.number}",
        f"What {who} changed: version {old.number} to {new.number}{why}",
        (Column("Field"), Column(f"Version {old.number}", number=True), Column(f"Version {new.number}", number=True)),
        tuple(
            row((each.name, each.before, each.after), old.entry, new.entry)
            for each in differences(old.content, new.content)
        ),
        "The headline numbers are the same; endpoints or reasons differ.",
    )


def _seconds(found: Material) -> dict[tuple[int, int], list[Entry]]:
    """Viewings by person and version."""
    grouped: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    for entry in found.rows("planning_planviewing"):
        grouped[entry.row["by_id"], entry.row["version_id"]].append(entry)
    return grouped


def _viewings(found: Material) -> Table:
    lines = [
        row(
            (
                found.who(person),
                found.number_of(version),
                amount(sum(each.row["seconds"] for each in seen), "s", 0),
                real_time(seen[0].at),
                real_time(seen[-1].at),
            ),
            *seen,
        )
        for (person, version), seen in _seconds(found).items()
    ]
    return Table(
        "viewings",
        "Who looked at it, and for how long",
        (
            Column("Person"),
            Column("Version"),
            Column("In sight", number=True),
            Column("First noted (real time)"),
            Column("Last noted (real time)"),
        ),
        tuple(lines),
        "Nobody's browser told that the page was in sight.",
        note="Time the page was visible, told by the reader's browser; who votes over the API looks at no page.",
    )


def _estimates(found: Material) -> Table:
    return Table(
        "estimates",
        "What people expected before they saw the plan's number",
        (Column("Person"), Column("Version"), Column("Expected, MW", number=True), Column("When (portal time)")),
        tuple(
            row(
                (
                    found.who(entry.row["by_id"]),
                    found.number_of(entry.row["version_id"]),
                    amount(entry.row["mw"]),
                    instant_words(entry.instant("at")),
                ),
                entry,
            )
            for entry in found.rows("planning_estimate")
        ),
        "Nobody was asked for an estimate of their own.",
    )


def _comments(found: Material) -> Table:
    settled = {entry.row["comment_id"]: entry for entry in found.rows("planning_commentresolution")}
    lines = []
    for entry in found.rows("planning_comment"):
        answer = settled.get(entry.row["id"])
        kind = "blocker" if entry.row["blocker"] else "comment"
        said = f"{found.who(answer.row['by_id'])}: “{answer.row['text']}”" if answer else "not resolved"
        lines.append(
            row(
                (
                    found.who(entry.row["by_id"]),
                    found.number_of(entry.row["version_id"]),
                    kind,
                    f"“{entry.row['text']}”",
                    said if entry.row["blocker"] or answer else "–",
                    instant_words(entry.instant("at")),
                ),
                *(each for each in (entry, answer) if each),
            )
        )
    columns = ("Person", "Version", "Kind", "Words", "Resolved by", "When (portal time)")
    return Table("comments", "What people said of it", tuple(map(Column, columns)), tuple(lines), "Nobody commented.")


def _escalations(found: Material) -> Table:
    return Table(
        "escalations",
        "Time that ran out without a decision",
        (Column("Version"), Column("Time used", number=True), Column("Who was told"), Column("When (portal time)")),
        tuple(
            row(
                (
                    found.number_of(entry.row["version_id"]),
                    f"{entry.row['share_pct']} %",
                    listed(entry.row.get("told") or ()),
                    instant_words(entry.instant("at")),
                ),
                entry,
            )
            for entry in found.rows("planning_escalation")
        ),
        "It was decided before half of the time had passed, or there was no deadline.",
    )
