"""The bridge answers as granian's own WSGI server does, request by request, over real HTTP."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.live.bridge import BODY_LIMIT
from tests.portal.live import wsgi_app
from tests.portal.live.serving import WebProcess, served, wait_for
from tests.portal.live.wsgi_app import PIECE, PIECES

APP = "tests.portal.live.wsgi_app"
OF_THE_SERVER = {"date", "server", "transfer-encoding", "connection"}


@pytest.fixture(scope="module")
def closed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bridge") / "closed"


@pytest.fixture(scope="module")
def wsgi(closed_file: Path) -> Iterator[WebProcess]:
    with served(
        f"{APP}:application", closed_file.parent, interface="wsgi", environment=surroundings(closed_file)
    ) as web:
        yield web


@pytest.fixture(scope="module")
def bridged(closed_file: Path) -> Iterator[WebProcess]:
    with served(f"{APP}:bridged", closed_file.parent, interface="asginl", environment=surroundings(closed_file)) as web:
        yield web


def surroundings(closed_file: Path) -> dict[str, str]:
    return {**os.environ, "CLOSED_FILE": str(closed_file)}


def ask(web: WebProcess, method: str, path: str, **options: Any) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.request(method, web.url + path, **options)


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "query": ("GET", "/plans/?show=open&q=a%20b%26c", {}),
    "empty query": ("GET", "/plans/", {}),
    "path in UTF-8": ("GET", "/pl%C3%A4ne/%2F/%FF", {}),
    "status": ("GET", "/made", {}),
    "repeated header": ("GET", "/", {"headers": [("X-Two", "1"), ("X-Two", "2")]}),
    "cookies": ("GET", "/", {"headers": {"Cookie": "a=1; b=2"}}),
    "head": ("HEAD", "/", {}),
    "head of a download": ("HEAD", "/download", {}),
    "small body": ("POST", "/", {"content": b"a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    "no body": ("POST", "/", {}),
    "body in pieces": ("PUT", "/", {"content": os.urandom(3_000_000)}),
    "delete": ("DELETE", "/", {}),
    "options": ("OPTIONS", "/", {}),
    "download": ("GET", "/download", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_answers_as_under_wsgi(wsgi: WebProcess, bridged: WebProcess, case: str) -> None:
    method, path, options = CASES[case]
    theirs, ours = ask(wsgi, method, path, **options), ask(bridged, method, path, **options)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    shown = [
        sorted((name, value) for name, value in answer.headers.multi_items() if name not in OF_THE_SERVER)
        for answer in (ours, theirs)
    ]
    assert shown[0] == shown[1]


def test_several_cookies_are_set_one_by_one(bridged: WebProcess) -> None:
    assert ask(bridged, "GET", "/").headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


def test_a_download_arrives_whole(bridged: WebProcess) -> None:
    assert ask(bridged, "GET", "/download").content == PIECE * PIECES


def test_a_file_is_served_by_our_wrapper(bridged: WebProcess) -> None:
    assert ask(bridged, "GET", "/file").content == Path(wsgi_app.__file__).read_bytes()


def test_a_chunked_body_gets_its_length(bridged: WebProcess) -> None:
    body = ask(bridged, "POST", "/", content=(b"x" * 1000 for _number in range(700))).json()
    assert (body["length"], body["announced"]) == (700_000, "700000")


def test_a_chunked_body_without_end_is_refused(bridged: WebProcess) -> None:
    answer = ask(bridged, "POST", "/", content=(b"x" * 65536 for _number in range(BODY_LIMIT // 65536 + 2)))
    assert answer.status_code == 413
    assert ask(bridged, "GET", "/made").status_code == 201


def test_a_body_announced_as_too_long_is_not_read(bridged: WebProcess) -> None:
    with socket.create_connection(("127.0.0.1", bridged.port)) as client:
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n"
        client.sendall(head.encode())
        answer = client.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 200")
    assert f'"announced": "{BODY_LIMIT + 1}"' in answer
    assert '"length": 0' in answer


def test_header_names_with_underscores_pass_for_nothing(bridged: WebProcess) -> None:
    assert "HTTP_X_REAL" not in ask(bridged, "GET", "/", headers={"X_Real": "1"}).json()


def test_a_reader_who_leaves_ends_the_answer(bridged: WebProcess, closed_file: Path) -> None:
    with httpx.Client(trust_env=False) as client, client.stream("GET", bridged.url + "/endless") as answer:
        assert next(answer.iter_bytes())
        assert not closed_file.exists()
    wait_for(closed_file.exists, "the generator was not closed")
    assert ask(bridged, "GET", "/made").status_code == 201


def test_a_sender_who_leaves_takes_no_thread(bridged: WebProcess) -> None:
    for _number in range(4):
        with socket.create_connection(("127.0.0.1", bridged.port)) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
    assert ask(bridged, "GET", "/made").status_code == 201
