"""Answers that do not end by themselves end with their caller's right to them, and there are only so many."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from page_stories import serving, world
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.authenticator import COOKIE
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper
from busta_health_dagster.web.streams import ASKED_EVERY_S, Streams

STREAMS = ["/source-health/events", "/api/v1/events"]
GUARD_S = 20


async def echo(websocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


@pytest.fixture
def app(tmp_path: Path):
    with world(tmp_path / "home", FakeClock(1_795_000_000)) as opened:
        yield opened


@pytest.fixture
def url(app):
    inner = Starlette(routes=[WebSocketRoute("/graphql", echo), *routes(app)])
    door = AuthMiddleware(
        inner, doorkeeper(app, host="127.0.0.1", port=0), asked_every_s=0.05, streams=Streams(per_caller=3, in_all=5)
    )
    with serving(door) as address:
        yield address


def make(app, role: Role, name: str) -> str:
    return access.create_token(app, name=name, role=role, by="test")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class Live:
    """An open stream, once it has begun; `rest` reads it to its end."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        self.answer = requests.get(url + path, headers=headers, stream=True, timeout=GUARD_S)
        self.status = self.answer.status_code
        self._parts = self.answer.iter_content(None)
        if self.status == 200:
            assert next(self._parts).startswith(b"retry")

    def rest(self) -> bytes:
        return b"".join(self._parts)

    def hang_up(self) -> None:
        self._parts.close()
        self.answer.close()


def session_of(url: str, token: str) -> tuple[dict[str, str], str]:
    """A person's cookie and the CSRF token that their page carries."""
    entered = requests.post(f"{url}/source-health/login", data={"token": token}, allow_redirects=False, timeout=GUARD_S)
    cookie = {"cookie": f"{COOKIE}={entered.cookies[COOKIE]}"}
    page = requests.get(f"{url}/source-health", headers=cookie, timeout=GUARD_S).text
    return cookie, page.partition('name="csrf-token" content="')[2].partition('"')[0]


@pytest.mark.parametrize("path", STREAMS)
def test_the_stream_of_a_revoked_token_ends(app, url: str, path: str) -> None:
    make(app, Role.ADMIN, "dana")
    stream = Live(url, path, bearer(make(app, Role.VIEWER, "wall")))
    access.revoke_token(app, name="wall", by="test")
    stream.rest()  # it ends


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_everyone_who_can_log_in_can_log_out_and_their_stream_ends_with_it(app, url: str, role: Role) -> None:
    cookie, csrf = session_of(url, make(app, role, "ann"))
    stream = Live(url, "/source-health/events", cookie)
    out = requests.post(f"{url}/source-health/logout", headers=cookie | {"x-csrf-token": csrf}, timeout=GUARD_S)
    assert out.status_code == 204
    assert 'busta_session=""' in out.headers["set-cookie"]
    stream.rest()  # it ends
    assert requests.get(f"{url}/api/v1/status", headers=cookie, timeout=GUARD_S).status_code == 401
    with app.store.read() as uow:
        assert ("ann", "logout") in [(entry.actor, entry.action) for entry in uow.audit.list()]


def test_nobody_is_logged_out_by_a_page_that_does_not_know_the_sessions_token(app, url: str) -> None:
    cookie, _ = session_of(url, make(app, Role.VIEWER, "ann"))
    assert requests.post(f"{url}/source-health/logout", headers=cookie, timeout=GUARD_S).status_code == 403
    assert requests.get(f"{url}/api/v1/status", headers=cookie, timeout=GUARD_S).status_code == 200


def test_the_websocket_of_a_revoked_token_is_closed(app, url: str) -> None:
    make(app, Role.ADMIN, "dana")
    token = make(app, Role.OPERATOR, "op")
    with connect(url.replace("http", "ws") + "/graphql", additional_headers=bearer(token)) as live:
        live.send("still here")
        assert live.recv(GUARD_S) == "still here"
        access.revoke_token(app, name="op", by="test")
        with pytest.raises(ConnectionClosed) as ended:
            live.recv(GUARD_S)
    assert ended.value.rcvd.code == 4401


def test_nothing_outlives_its_token_by_more_than_five_seconds() -> None:
    assert 1.5 * ASKED_EVERY_S <= 4, "asked every so often, and an answer may be half as old"


def test_a_caller_has_so_many_streams_and_all_of_them_so_many(app, url: str) -> None:
    ann, ben = bearer(make(app, Role.VIEWER, "ann")), bearer(make(app, Role.VIEWER, "ben"))
    kept = [Live(url, STREAMS[0], ann) for _ in range(3)]
    refused = Live(url, STREAMS[1], ann)
    assert refused.status == 429
    assert "3 live streams" in refused.answer.json()["detail"]
    kept += [Live(url, STREAMS[0], ben) for _ in range(2)]
    assert Live(url, STREAMS[0], ben).status == 503
    with pytest.raises(InvalidStatus), connect(url.replace("http", "ws") + "/graphql", additional_headers=ben):
        pass
    assert requests.get(f"{url}/api/v1/status", headers=ann, timeout=GUARD_S).status_code == 200
    for stream in kept:
        stream.hang_up()
    while (again := Live(url, STREAMS[0], ann)).status != 200:
        assert again.status in {429, 503}, "the server notices it in its own time, ann's streams before ben's or after"
    again.hang_up()
