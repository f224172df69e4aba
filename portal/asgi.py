"""The web process: event streams at /live/ here, everything else by Django's WSGI application (docs/adr/0007)."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from portal.live.bridge import Bridge
from portal.live.hub import Hub
from portal.live.listening import listen
from portal.live.stream import Receive, Scope, Send, Streams
from portal.wsgi import application as pages

STREAM_PATH: Final = "/live/"
THREADS: Final = 4  # per process; each keeps one database connection
FIRST_LISTEN_S: Final = 3.0  # how long a start waits to hear of changes before it serves without
OPEN_FILES: Final = 65_536  # a stream is one; many systems allow 1,024 unless asked


class Web:
    """The ASGI application. Everything of it belongs to the event loop that calls it."""

    def __init__(self) -> None:
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")
        self._hub: Hub | None = None
        self._pool = pool
        self._bridge = Bridge(pages, pool)
        self._streams: Streams | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            handle = self._streams if scope["path"] == STREAM_PATH and self._streams else self._bridge
            await handle(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        allow_open_files(OPEN_FILES)
        hub = self._hub = Hub()
        streams = self._streams = Streams(hub, self._pool)
        forever: list[Coroutine[Any, Any, None]] = [listen(hub), hub.look_after(), streams.look_again()]
        self._tasks = [asyncio.create_task(work) for work in forever]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            also_on(number, lambda: loop.call_soon_threadsafe(hub.stop))
        deadline = hub.now() + FIRST_LISTEN_S
        while not hub.listening and hub.now() < deadline:
            await asyncio.sleep(0.02)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._pool.shutdown(wait=False, cancel_futures=True)


def also_on(number: signal.Signals, act: Callable[[], Any]) -> None:
    """Act on a signal besides what the server does.

    The server waits for open answers before it tells an application to end; streams have to end before that. Its own
    handler hears through the event loop's wakeup descriptor, which this leaves alone, or is called from here.
    """
    before = signal.getsignal(number)

    def handle(signum: int, frame: Any) -> None:
        act()
        if callable(before):
            before(signum, frame)

    signal.signal(number, handle)


def allow_open_files(count: int) -> None:
    """Raise the soft limit as far as the hard one lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


application = Web()
