"""Requests that never end, bodies that are too large, and slow sources: no one else waits for them."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from page_stories import serving, world
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.api.limits import BODY_BYTES, DAGSTER_BODY_BYTES, Limits
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper
from busta_health_dagster.web.slow_requests import HEAD_S, Hurried

GUARD_S = 30
SOURCES = """\
version: 1
sources:
  - {name: slow_api, type: odds, probe: http, url: "http://127.0.0.1:%d/", allow_private: true, timeout: 25s, confirm: 0}
"""


class Quick(Hurried):
    head_s = 1.0


async def size(request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def url():
    inner = Starlette(routes=[Route(path, size, methods=["POST"]) for path in ("/graphql", "/api/v1/x")])
    with serving(Limits(inner, body_s=1.0), http=Quick) as address:
        yield address


def connected(url: str) -> socket.socket:
    there = urlsplit(url)
    return socket.create_connection((there.hostname, there.port), timeout=GUARD_S)


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n"])
def test_an_unfinished_request_is_dropped(url: str, begun: bytes) -> None:
    with connected(url) as half:
        half.sendall(begun)
        with contextlib.suppress(ConnectionResetError):
            assert half.recv(100) == b"", "the server hangs up; without a bound this waits for ever"


def test_headers_that_do_not_end_are_answered_and_dropped(url: str) -> None:
    """20 MB of them were read, by a server that asks for a token first."""
    with connected(url) as large:
        with contextlib.suppress(ConnectionError):
            large.sendall(b"GET / HTTP/1.1\r\n")
            for _ in range(320):
                large.sendall(b"X-Pad: " + b"a" * 65_000 + b"\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert large.recv(100).startswith(b"HTTP/1.1 431")


def test_so_is_the_next_one_on_a_connection_that_was_used(url: str) -> None:
    with connected(url) as kept:
        kept.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        kept.sendall(b"GET / HTT")
        with contextlib.suppress(ConnectionResetError):
            assert kept.recv(100) == b""


def test_a_body_that_does_not_come_is_answered_and_dropped(url: str) -> None:
    with connected(url) as half:
        half.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this")
        said = b"".join(iter(lambda: half.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(("path", "cap"), [("/graphql", DAGSTER_BODY_BYTES), ("/api/v1/x", BODY_BYTES)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_its_cap_on_every_route(url: str, path: str, cap: int, chunked: bool) -> None:
    def body(n: int):
        return iter([b"x" * n]) if chunked else b"x" * n

    assert requests.post(url + path, data=body(cap), timeout=GUARD_S).text == str(cap)
    try:
        answer = requests.post(url + path, data=body(cap + 1), timeout=GUARD_S)
    except requests.ConnectionError:
        return  # refused while it was still being sent
    assert answer.status_code == 413


def test_the_bound_in_force_is_short() -> None:
    assert HEAD_S <= 15


@pytest.fixture
def slow():
    """A source that answers when it is allowed to; -> (its port, who has asked, the word)."""
    asked: list[socket.socket] = []
    word = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def answer(client: socket.socket) -> None:
        word.wait(GUARD_S)
        with contextlib.suppress(OSError), client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                asked.append(client)
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    yield listener.getsockname()[1], asked, word
    word.set()
    listener.close()


def test_forty_five_checks_of_a_slow_source_are_one_and_hold_nobody_up(tmp_path: Path, slow) -> None:
    port, asked, word = slow
    with world(tmp_path / "home", FakeClock(1_795_000_000), sources=SOURCES % port) as app:
        token = access.create_token(app, name="op", role=Role.OPERATOR, by="test")
        headers = {"authorization": f"Bearer {token}"}
        door = AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))
        with serving(door) as url, ThreadPoolExecutor(45) as crowd:
            wanted = f"{url}/api/v1/sources/slow_api/check"
            checks = [crowd.submit(requests.post, wanted, headers=headers, timeout=GUARD_S) for _ in range(45)]
            while not asked or len(deeds(app)) < 45:
                assert not any(check.done() for check in checks), [c.result().text for c in checks if c.done()]
            for path in ("/livez", "/api/v1/status", "/metrics", "/source-health"):
                assert requests.get(url + path, headers=headers, timeout=GUARD_S).status_code == 200, path
            assert not any(check.done() for check in checks), "all of that was answered while the source was asked"
            word.set()
            answers = [check.result() for check in checks]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        assert len(asked) == 1, "the source was asked once"


def deeds(app) -> list[str]:
    with app.store.read() as uow:
        return [entry.action for entry in uow.audit.list() if entry.action == "source.check"]
