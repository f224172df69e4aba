"""Passes changes on to every open stream of this process. Runs in the event loop's thread only."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from portal.live.changes import ALL, BEAT, PEOPLE, Change, condensed, encoded

GATHER_S: Final = 0.12  # a burst of changes is one event
KEPT_S: Final = 60.0  # what a page missed between its rendering and its stream, or between two streams
BEAT_S: Final = 5.0
OLDEST_S: Final = (600.0, 900.0)  # a stream ends somewhere between; the page opens another one
STUCK_S: Final = 15.0  # a reader that takes nothing for so long is cut
MOST_STREAMS: Final = 5000


class Stream:
    """One reader: what it has not been given yet, and whether it is over."""

    __slots__ = ("_wake", "over", "pending", "sending_since", "session_key", "task", "until")

    def __init__(self, session_key: str, now: float) -> None:
        self.session_key = session_key
        self.pending: dict[Change, None] = {}
        self.over = False
        self.sending_since: float | None = None  # loop time at which a send began that has not ended
        self.until = now + random.uniform(*OLDEST_S)  # noqa: S311 - spreads work, guards nothing
        self.task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def put(self, changes: Sequence[Change]) -> None:
        """Hand over changes; what is already waiting to be sent is not sent twice, so a slow reader costs little."""
        self.pending.update(dict.fromkeys(changes))
        self._wake.set()

    def end(self) -> None:
        """Let the reader go once what waits was sent."""
        self.over = True
        self._wake.set()

    def cut(self) -> None:
        """Let go of a reader that takes nothing."""
        self.over = True
        if self.task is not None:
            self.task.cancel()

    async def next(self) -> bytes:
        """What to send now; empty when the stream is over."""
        await self._wake.wait()
        self._wake.clear()
        changes = condensed(self.pending)
        self.pending.clear()
        return encoded(changes)


class Hub:
    """The streams of this process. Complete while PostgreSQL is listened to; without that no stream may stay open."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.listening = False
        self.stopping = False
        self.people_changed = asyncio.Event()
        self._complete_since = 0.0
        self._gathered: list[Change] = []
        self._kept: deque[tuple[float, Sequence[Change]]] = deque()

    @staticmethod
    def now() -> float:
        """Seconds of the event loop's clock."""
        return asyncio.get_running_loop().time()

    @property
    def open(self) -> bool:
        """Whether another stream may begin."""
        return self.listening and not self.stopping and len(self.streams) < MOST_STREAMS

    def join(self, session_key: str, since_s: float) -> Stream:
        """A new stream, first given what changed in the last `since_s` seconds (everything, when that is not known)."""
        now = self.now()
        stream = Stream(session_key, now)
        missed = [change for at, changes in self._kept if at >= now - since_s for change in changes]
        whole = now - since_s >= self._complete_since and since_s <= KEPT_S
        stream.put(missed if whole else [ALL])
        self.streams.add(stream)
        return stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream."""
        self.streams.discard(stream)

    def hear(self, change: Change) -> None:
        """Take a change from PostgreSQL; passed on with the others of the next moment."""
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_S, self._pass_on)
        if len(self._gathered) > 1000:
            self._gathered = condensed(self._gathered)
        self._gathered.append(change)

    def _pass_on(self) -> None:
        changes = condensed(self._gathered)
        self._gathered = []
        if any(change.topic == PEOPLE for change in changes):
            self.people_changed.set()
        public = [change for change in changes if change.topic != PEOPLE]
        if public:
            self._kept.append((self.now(), public))
            self._put(public)

    def _put(self, changes: Sequence[Change]) -> None:
        for stream in self.streams:
            stream.put(changes)

    def begin_listening(self) -> None:
        """From now on nothing is missed."""
        self._complete_since = self.now()
        self.listening = True

    def stop_listening(self) -> None:
        """Changes are missed from now on: every stream ends, and its page says so and asks for itself."""
        self.listening = False
        self._kept.clear()
        self.end_streams(self.streams)

    def end_streams(self, streams: Iterable[Stream]) -> None:
        """Let these readers go."""
        for stream in list(streams):
            stream.end()

    def stop(self) -> None:
        """The process is to end: no stream holds it up."""
        self.stopping = True
        self.end_streams(self.streams)

    async def look_after(self) -> None:
        """Beat, end what is old, cut what is stuck; forever."""
        beaten_at = self.now()
        while True:
            await asyncio.sleep(1.0)
            now = self.now()
            if now - beaten_at >= BEAT_S:
                beaten_at = now
                self._put([BEAT])
            while self._kept and self._kept[0][0] < now - KEPT_S:
                self._kept.popleft()
            for stream in list(self.streams):
                if stream.sending_since is not None and now - stream.sending_since > STUCK_S:
                    stream.cut()
                elif now > stream.until:
                    stream.end()
