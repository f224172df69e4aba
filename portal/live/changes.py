"""What PostgreSQL tells: a topic and an id, never content. Triggers of the apps' migrations send it (`grid_tell`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

CHANNEL: Final = "portal_live"
TOPICS: Final = frozenset({"plan", "signal", "event", "grid", "clock", "cohort", "rules"})
PEOPLE: Final = "people"  # sessions, people and rights: looked at again here, passed on to nobody
ANY: Final = "*"
MOST_IDS: Final = 40  # of one topic at once; more are one change of any id
_PAYLOAD: Final = re.compile(r"([a-z]{1,20}) ([0-9]{1,19}|\*)")


class Change(NamedTuple):
    """Something of a topic is not what it was; `id` is a number, or `*` for any."""

    topic: str
    id: str


ALL: Final = Change("all", ANY)  # whatever a page shows may have changed
BEAT: Final = Change("beat", ANY)  # nothing changed; the stream lives


def parse(payload: str) -> Change | None:
    """A notification's change; None for what no trigger of ours says (any login may NOTIFY)."""
    match = _PAYLOAD.fullmatch(payload)
    if match is None or match[1] not in {*TOPICS, PEOPLE}:
        return None
    return Change(match[1], match[2])


def condensed(changes: Iterable[Change]) -> list[Change]:
    """Each once, in order; a topic of too many ids, or one that says any, is one change."""
    ids: dict[str, dict[str, None]] = {}
    for change in changes:
        ids.setdefault(change.topic, {})[change.id] = None
    found = []
    for topic, of_topic in ids.items():
        wide = ANY in of_topic or len(of_topic) > MOST_IDS
        found += [Change(topic, ANY)] if wide else [Change(topic, one) for one in of_topic]
    return found


def encoded(changes: Iterable[Change]) -> bytes:
    """As server-sent events (HTML Living Standard, 9.2)."""
    return b"".join(f"event: {topic}\ndata: {id_}\n\n".encode() for topic, id_ in changes)
