"""A WSGI application that says what it was asked, and the same one behind our bridge, for granian to serve."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from portal.live.bridge import Bridge

PIECES = 40
PIECE = b"0123456789abcdef" * 8192  # 128 kB
SHOWN = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "wsgi.url_scheme")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/download":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return pieces()
    if path == "/endless":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return endless()
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](Path(__file__).open("rb"), 4096)
    headers = [("Content-Type", "application/json"), ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; HttpOnly")]
    body = json.dumps(told(environ)).encode()
    start_response("201 Created" if path == "/made" else "200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]


def told(environ: dict[str, Any]) -> dict[str, Any]:
    body = environ["wsgi.input"].read()
    said = {name: environ.get(name, "") for name in SHOWN}
    said |= {
        name: value for name, value in sorted(environ.items()) if name.startswith("HTTP_X") or name == "HTTP_COOKIE"
    }
    length = environ.get("CONTENT_LENGTH") or "0"
    return {**said, "length": len(body), "announced": length, "sha256": hashlib.sha256(body).hexdigest()}


def pieces() -> Iterator[bytes]:
    for _number in range(PIECES):
        yield PIECE


def endless() -> Iterator[bytes]:
    """Goes on until it is closed, and leaves a file then."""
    try:
        while True:
            yield b"more\n" * 1000
            time.sleep(0.01)
    finally:
        Path(os.environ["CLOSED_FILE"]).touch()


bridged = Bridge(application, ThreadPoolExecutor(2))
