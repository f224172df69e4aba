"""What streams are given, in one event loop: a reader that takes nothing, age, beats; and what PostgreSQL may say."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal.live import hub as hubs
from portal.live.changes import ALL, MOST_IDS, Change, condensed, encoded, parse
from portal.live.hub import Hub
from portal.live.listening import connection_options
from portal.live.stream import Streams


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


class TestChanges:
    @pytest.mark.parametrize("topic", ["plan", "signal", "event", "grid", "clock", "cohort", "people"])
    def test_are_a_topic_and_an_id(self, topic: str) -> None:
        assert parse(f"{topic} 42") == Change(topic, "42")
        assert parse(f"{topic} *") == Change(topic, "*")

    @pytest.mark.parametrize(
        "payload", ["", "plan", "plan ", "plan x", "plan 1\n", "plan 1\nevent: all", "secret 1", "all *"]
    )
    def test_are_nothing_else(self, payload: str) -> None:
        assert parse(payload) is None

    def test_come_once_each(self) -> None:
        one, other = Change("plan", "1"), Change("plan", "2")
        assert condensed([one, other, one]) == [one, other]

    def test_of_any_id_hold_those_of_one(self) -> None:
        assert condensed([Change("plan", "1"), Change("grid", "*"), Change("plan", "*")]) == [
            Change("plan", "*"),
            Change("grid", "*"),
        ]

    def test_of_too_many_ids_are_of_any(self) -> None:
        assert len(condensed(Change("plan", str(n)) for n in range(MOST_IDS))) == MOST_IDS
        assert condensed(Change("plan", str(n)) for n in range(MOST_IDS + 1)) == [Change("plan", "*")]

    def test_are_written_as_server_sent_events(self) -> None:
        assert encoded([Change("plan", "7"), ALL]) == b"event: plan\ndata: 7\n\nevent: all\ndata: *\n\n"


class TestStream:
    def test_what_waits_for_a_slow_reader_stays_small(self) -> None:
        async def story() -> None:
            hub = Hub()
            hub.begin_listening()
            stream = hub.join("key", 0.0)
            for number in range(100_000):
                stream.put([Change("plan", str(number % 300))])
            assert len(stream.pending) <= 300
            assert await stream.next() == b"event: plan\ndata: *\n\n"

        run(story())

    def test_a_reader_that_takes_nothing_is_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Over real HTTP it takes megabytes to fill a connection's buffers; here the connection takes two messages."""
        monkeypatch.setattr(hubs, "STUCK_S", 0.5)

        async def story() -> None:
            hub = Hub()
            hub.begin_listening()
            taken: list[dict[str, Any]] = []

            async def send(message: Any) -> None:
                taken.append(message)
                if len(taken) > 2:
                    await asyncio.Event().wait()

            looking = asyncio.create_task(hub.look_after())
            streams = Streams(hub, ThreadPoolExecutor(1))
            stream = hub.join("key", 0.0)
            stream.put([Change("plan", "1")])
            await streams._stream(stream, asyncio.Event().wait, send)  # type: ignore[arg-type]
            assert hub.streams == set()
            assert [message["type"] for message in taken].count("http.response.body") == 2
            looking.cancel()

        run(story())

    def test_an_old_stream_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hubs, "OLDEST_S", (0.2, 0.3))

        async def story() -> None:
            hub = Hub()
            hub.begin_listening()
            stream = hub.join("key", 0.0)
            looking = asyncio.create_task(hub.look_after())
            while not stream.over:
                await stream.next()
            looking.cancel()

        run(story())

    def test_beats_while_nothing_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hubs, "BEAT_S", 0.1)

        async def story() -> None:
            hub = Hub()
            hub.begin_listening()
            stream = hub.join("key", 0.0)
            looking = asyncio.create_task(hub.look_after())
            assert await stream.next() in {b"", b"event: beat\ndata: *\n\n"}
            assert await stream.next() == b"event: beat\ndata: *\n\n"
            looking.cancel()

        run(story())


class TestHub:
    def test_is_not_open_without_hearing_or_when_it_stops(self) -> None:
        async def story() -> None:
            hub = Hub()
            assert not hub.open
            hub.begin_listening()
            assert hub.open
            stream = hub.join("key", 0.0)
            hub.stop_listening()
            assert (hub.open, stream.over) == (False, True)
            hub.begin_listening()
            hub.stop()
            assert not hub.open

        run(story())

    def test_has_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hubs, "MOST_STREAMS", 2)

        async def story() -> None:
            hub = Hub()
            hub.begin_listening()
            streams = [hub.join("key", 0.0) for _number in range(2)]
            assert not hub.open
            hub.leave(streams[0])
            assert hub.open

        run(story())


class TestConnection:
    def test_names_itself_and_keeps_what_was_given(self) -> None:
        database = {
            "NAME": "portal",
            "USER": "portal_web",
            "PASSWORD": "p",
            "HOST": "/run",
            "PORT": "",
            "OPTIONS": {"sslmode": "require"},
        }
        assert connection_options(database) == {
            "dbname": "portal",
            "user": "portal_web",
            "password": "p",
            "host": "/run",
            "sslmode": "require",
            "application_name": "portal live",
            "connect_timeout": 5,
        }
