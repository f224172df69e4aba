"""The HTTP of /live/: who asks, what they get, and when it ends. Nothing of Django's middleware runs here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils import timezone

from portal.live.hub import Hub, Stream
from portal.live.standing import Standing, standings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RETRY_MS: Final = 2000
ASK_TOGETHER_S: Final = 0.01  # many browsers come back at once after a restart
LOOK_AGAIN_S: Final = 15.0
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
WORDS: Final = {
    400: b"This is not a name of the portal.",
    401: b"Sign in first.",
    403: b"Your role does not carry the right to see the grid.",
    405: b"Only GET.",
    503: b"Changes cannot be told at the moment.",
}

logger = logging.getLogger(__name__)


class Streams:
    """Answers /live/ for one hub; database work runs in `pool`."""

    def __init__(self, hub: Hub, pool: Executor) -> None:
        self._hub = hub
        self._pool = pool
        self._asked: dict[str, asyncio.Future[Standing]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        status = await self._refusal(scope, headers)
        if status:
            await _refuse(send, status)
            return
        key = _session_key(headers)
        await self._stream(self._hub.join(key, _since_s(scope)), receive, send)

    async def _refusal(self, scope: Scope, headers: Mapping[bytes, str]) -> int | None:
        if not _known_host(headers.get(b"host", "")):
            return 400
        if scope["method"] != "GET":
            return 405
        key = _session_key(headers)
        if not key:
            return 401
        try:
            standing = await self._standing(key)
        except (DatabaseError, InterfaceError):
            return 503
        if standing is not Standing.ALLOWED:
            return int(standing.value)
        return None if self._hub.open else 503

    async def _stream(self, stream: Stream, receive: Receive, send: Send) -> None:
        stream.task = asyncio.current_task()
        gone = asyncio.ensure_future(_until_gone(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._send(stream, send, f"retry: {RETRY_MS}\n\n".encode())
            while not stream.over:
                chunk = await stream.next()
                if chunk:
                    await self._send(stream, send, chunk)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not stream.over:
                raise
            logger.info("A stream whose reader took nothing was cut.")
        finally:
            self._hub.leave(stream)
            gone.cancel()

    async def _send(self, stream: Stream, send: Send, chunk: bytes) -> None:
        stream.sending_since = self._hub.now()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        stream.sending_since = None

    async def _standing(self, key: str) -> Standing:
        """One question to the database for all who ask within a moment. Raises DatabaseError."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_later(ASK_TOGETHER_S, self._ask_together)
        answer = self._asked.setdefault(key, loop.create_future())
        return await asyncio.shield(answer)

    def _ask_together(self) -> None:
        asked, self._asked = self._asked, {}

        def hand_out(done: asyncio.Future[Mapping[str, Standing]]) -> None:
            error = done.exception()
            for key, future in asked.items():
                if error is not None:
                    future.set_exception(error)
                    future.exception()  # whoever asked may have left
                else:
                    future.set_result(done.result()[key])

        self._in_pool(asked.keys()).add_done_callback(hand_out)

    def _in_pool(self, keys: Collection[str]) -> asyncio.Future[Mapping[str, Standing]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, partial(standings, list(keys), at=timezone.now()))

    async def look_again(self) -> None:
        """End the streams of those who signed out, left or lost the right, as told and every so often; forever."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hub.people_changed.wait(), LOOK_AGAIN_S)
            self._hub.people_changed.clear()
            streams = list(self._hub.streams)
            if not streams:
                continue
            try:
                found = await self._in_pool({stream.session_key for stream in streams})
            except (DatabaseError, InterfaceError):
                continue  # the LISTEN connection notices too, and ends all streams
            self._hub.end_streams(s for s in streams if found[s.session_key] is not Standing.ALLOWED)


async def _until_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": WORDS[status] + b"\n", "more_body": False})


def _known_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _session_key(headers: Mapping[bytes, str]) -> str:
    return parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME, "")


def _since_s(scope: Scope) -> float:
    """How long ago the page was rendered or last heard of a change, as it says; 0 when it does not."""
    given = parse_qs(scope["query_string"].decode("latin-1")).get("since", ["0"])[-1]
    try:
        return max(0.0, float(given))
    except ValueError:
        return 0.0
