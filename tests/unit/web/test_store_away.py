"""With the store away no one is called unknown: anyone who was inside reads what is wrong with it, by its name."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg2
import pytest
import requests
from page_stories import serving, world
from starlette.applications import Starlette

from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.domain.errors import StoreError, StoreUnavailable
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.store import Store
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.authenticator import COOKIE
from busta_health_dagster.web.callers import AWAY_S, REMEMBERED_S, Callers
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper

ANN = Principal("ann", Role.VIEWER, "session")
GUARD_S = 30


class Asked:
    """A store that can be away."""

    def __init__(self) -> None:
        self.away, self.times = False, 0

    def __call__(self) -> Principal:
        self.times += 1
        if self.away:
            raise StoreUnavailable("The store at postgresql://db/busta is not reachable.")
        return ANN


async def test_a_caller_who_was_inside_stays_inside_for_a_minute() -> None:
    clock, store = FakeClock(0), Asked()
    callers = Callers(clock.monotonic)
    assert await callers.ask("ann", store) is ANN
    store.away = True
    clock.advance(REMEMBERED_S - 1)
    assert await callers.ask("ann", store) is ANN
    with pytest.raises(StoreError, match="postgresql://db/busta"):
        await callers.ask("someone else", store)
    clock.advance(2)
    with pytest.raises(StoreError):
        await callers.ask("ann", store)


async def test_a_dead_store_is_not_asked_by_everybody_one_after_the_other() -> None:
    clock, store = FakeClock(0), Asked()
    store.away = True
    callers = Callers(clock.monotonic)
    for _ in range(20):
        with pytest.raises(StoreError):
            await callers.ask("ann", store)
    assert store.times == 1
    store.away = False
    clock.advance(AWAY_S + 0.1)
    assert await callers.ask("ann", store) is ANN


async def test_a_caller_who_was_revoked_is_forgotten_at_once() -> None:
    callers = Callers(FakeClock(0).monotonic)
    assert await callers.ask("ann", lambda: ANN) is ANN
    assert await callers.ask("ann", lambda: None) is None
    store = Asked()
    store.away = True
    with pytest.raises(StoreError):
        await callers.ask("ann", store)


async def test_a_store_that_hangs_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busta_health_dagster.web.callers.ANSWER_S", 0.05)
    word = threading.Event()
    try:
        with pytest.raises(StoreError, match="has not said"):
            await Callers().ask("ann", lambda: word.wait(GUARD_S) and ANN)
    finally:
        word.set()


def execute(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


@pytest.mark.postgres
def test_page_rest_and_metrics_answer_503_and_name_the_store(
    tmp_path: Path, postgres_server, postgres_url: str
) -> None:
    other, name = postgres_server("postgres"), postgres_url.partition("@/")[2].partition("?")[0]
    with world(tmp_path / "home", FakeClock(1_795_000_000), BUSTA_DATABASE_URL=postgres_url) as app:
        token = access.create_token(app, name="op", role=Role.OPERATOR, by="test")
        bearer = {"authorization": f"Bearer {token}"}
        with serving(AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))) as url:

            def get(path: str, **headers: str) -> requests.Response:
                return requests.get(url + path, headers=headers, timeout=GUARD_S, allow_redirects=False)

            login = requests.post(
                f"{url}/source-health/login", data={"token": token}, allow_redirects=False, timeout=GUARD_S
            )
            browser = {"cookie": f"{COOKIE}={login.cookies[COOKIE]}", "accept": "text/html"}
            paths = [("/source-health", browser), ("/api/v1/status", bearer), ("/metrics", bearer)]
            assert get("/api/v1/status").status_code == 401
            assert [get(path, **who).status_code for path, who in paths] == [200, 200, 200]
            execute(
                other,
                f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            try:
                stranger = {"authorization": "Bearer busta_unknown"}
                for path, who in [*paths, ("/api/v1/status", stranger), ("/", {**stranger, "accept": "text/html"})]:
                    said = get(path, **who)
                    assert said.status_code == 503, (path, said.text)
                    assert name in said.text, "the store is named"
                    assert "Traceback" not in said.text
                assert get("/api/v1/status").status_code == 401, "a token is asked for, whatever is away"
                assert get("/livez").status_code == 200
            finally:
                execute(other, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            while (back := get("/source-health", **browser)).status_code != 200:
                assert back.status_code == 503, "it comes back by itself"


@pytest.mark.postgres
def test_nobody_waits_for_ever_for_a_lock_of_postgres(postgres_url: str) -> None:
    with Store(postgres_url, busy_timeout_s=0.3) as store:
        store.upgrade()
        holder = psycopg2.connect(postgres_url)
        try:
            holder.cursor().execute("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable, match="locked by another writer"), store.read() as uow:
                uow.audit.list()
        finally:
            holder.close()


@pytest.mark.postgres
def test_nor_for_a_statement(postgres_url: str) -> None:
    from sqlalchemy import text

    with Store(postgres_url, busy_timeout_s=0.1) as store:
        store.upgrade()
        with pytest.raises(StoreUnavailable, match="did not answer in time"), store.read() as uow:
            uow.connection.execute(text("SELECT pg_sleep(30)"))
