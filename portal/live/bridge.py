"""Django's WSGI application under ASGI: in a small pool of threads, each keeping its own database connection.

Note [as under WSGI]
    Request bodies are read before a thread is taken, so that a slow sender holds none. At most `BODY_LIMIT` bytes are
    taken; a longer announced body is not read at all, and Django refuses it by its announced length, as it would under
    a WSGI server. A body without an announced length (chunked) gets its length once it is whole.
    A plain answer leaves in one piece. A streaming one is made in the thread that began it, since generators may hold
    database cursors, and each piece waits until the one before has left; a reader who has gone ends it.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor
from itertools import chain
from typing import IO, Any, Final
from urllib.parse import unquote_to_bytes

from portal.live.stream import Receive, Scope, Send

BODY_LIMIT: Final = 10 * 2**20
IN_MEMORY: Final = 512 * 2**10  # of a request's body; more goes to a temporary file
BLOCK: Final = 256 * 2**10  # of a file that is served
Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class SenderGone(Exception):
    """The client left before its request was whole."""


class BodyTooLong(Exception):
    """More than BODY_LIMIT bytes came without having been announced."""


class FileBlocks:
    """`wsgi.file_wrapper`: a file in pieces larger than Django would take; most files are one piece."""

    def __init__(self, file: IO[bytes], _block_size: int = 0) -> None:
        self._file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(BLOCK), b"")


class Bridge:
    """An ASGI application that answers with a WSGI one."""

    def __init__(self, application: Application, pool: Executor) -> None:
        self._application = application
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        try:
            body, length = await read_body(scope, receive)
        except SenderGone:
            return
        except BodyTooLong:
            await _send_whole(send, 413, [("Content-Type", "text/plain"), ("Connection", "close")], b"Too long.\n")
            return
        answer = _Answer(asyncio.get_running_loop(), receive, send)
        try:
            environ = environ_of(scope, body, length)
            whole = await answer.loop.run_in_executor(self._pool, self._in_thread, environ, answer)
        finally:
            body.close()
        if whole is not None:
            await _send_whole(send, answer.status, answer.headers, whole)

    def _in_thread(self, environ: dict[str, Any], answer: _Answer) -> bytes | None:
        """The body when it is whole; None when it was sent in pieces."""
        made = self._application(environ, answer.start)
        try:
            if environ["REQUEST_METHOD"] == "HEAD":
                return b""
            if _is_whole(made):
                return b"".join(made)
            pieces = iter(made)
            first = next(pieces, b"")
            if isinstance(made, FileBlocks) and len(first) < BLOCK:
                return first
            answer.send_pieces(chain([first], pieces))
            return None
        finally:
            close = getattr(made, "close", None)
            if close is not None:
                close()


def _is_whole(made: Iterable[bytes]) -> bool:
    return isinstance(made, list | tuple) or getattr(made, "streaming", True) is False


class _Answer:
    """What an application says of its answer, and the way from its thread to the client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send) -> None:
        self.loop = loop
        self.status = 500
        self.headers: Headers = []
        self._receive = receive
        self._send = send
        self._gone = threading.Event()

    def start(self, status: str, headers: Headers, _exc_info: Any = None) -> None:
        """WSGI's start_response."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send piece by piece from the application's thread, until the last one or until the client has gone."""
        watch = asyncio.run_coroutine_threadsafe(self._watch(), self.loop)
        try:
            self._in_loop(_start(self._send, self.status, self.headers))
            for piece in pieces:
                if self._gone.is_set():
                    return
                if piece:
                    self._in_loop(_piece(self._send, piece))
            self._in_loop(_piece(self._send, b"", more=False))
        finally:
            watch.cancel()

    def _in_loop(self, sending: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(sending, self.loop).result()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()


async def _start(send: Send, status: int, headers: Headers) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _piece(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await _start(send, status, headers)
    await _piece(send, body, more=False)


async def read_body(scope: Scope, receive: Receive) -> tuple[IO[bytes], int]:
    """The request's body and its length; of one announced as too long nothing, and the announced length.

    Raises SenderGone and BodyTooLong.
    """
    announced = announced_length(scope)
    if announced is not None and announced > BODY_LIMIT:
        return io.BytesIO(), announced
    message = await receive()
    if message["type"] == "http.disconnect":
        raise SenderGone
    if not message.get("more_body"):
        data = message.get("body", b"")
        return io.BytesIO(data), len(data)
    return await _read_pieces(message, receive)


async def _read_pieces(message: Any, receive: Receive) -> tuple[IO[bytes], int]:
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed once the request was answered
    length = 0
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise SenderGone
            length += file.write(message.get("body", b""))
            if length > BODY_LIMIT:
                raise BodyTooLong
            if not message.get("more_body"):
                break
            message = await receive()
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file, length


def announced_length(scope: Scope) -> int | None:
    """Content-Length; None when there is none (chunked, or no body)."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


def environ_of(scope: Scope, body: IO[bytes], length: int) -> dict[str, Any]:
    """PEP 3333's environ. Header names with an underscore are left out: they would pass for ones with a hyphen."""
    host, port = scope.get("server") or ("localhost", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.get("raw_path") or scope["path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileBlocks,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name or name in {"content-length", "transfer-encoding"}:
            continue
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        joint = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    environ["CONTENT_LENGTH"] = str(length) if length or scope["method"] not in {"GET", "HEAD"} else ""
    return environ
