"""A small monitored world for the tests of the pages: a real store, a clock that moves when asked to, a real server."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.domain.observation import Observation, Phases, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.freshness import LAST_TICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock

ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "%s/notifications.jsonl"}, {name: pager, kind: file, path: "%s/pager.jsonl"}]
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 5s, for: 2, severity: warning}
  - {name: low-quality, metric: quality, op: "<", value: 90%%, for: 2, severity: warning}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, severity: critical, notify: [log, pager]}], repeat: 4h}
routes: [{select: {}, escalation: default}]
"""
SOURCES = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: http, url: "http://127.0.0.1:9/odds", allow_private: true, tier: 1, owners: ["team:data"], feeds: [models/moneyline], runbook: "https://wiki.example.com/odds", description: "Prices & <b>odds</b>."}
  - {name: scores_api, type: scores, probe: http, url: "http://127.0.0.1:9/scores", allow_private: true}
  - {name: espn_nfl, type: news, probe: feed, url: "http://127.0.0.1:9/rss", allow_private: true, tier: 3}
"""
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} <b style="color:red">'


def world(
    home: Path,
    clock: FakeClock,
    sources: str = SOURCES,
    maintenance: str = "version: 1\n",
    settings: str = "version: 1\n",
    **environ: str,
) -> App:
    """An application on a fresh store: SQLite in `home`, unless the environment names another."""
    config = home / "config"
    config.mkdir(parents=True)
    for name, text in (
        ("sources", sources),
        ("alerts", ALERTS % (home, home)),
        ("maintenance", maintenance),
        ("settings", settings),
    ):
        (config / f"{name}.yaml").write_text(text, encoding="utf-8")
    return bootstrap.open_app(home=home, environ={"BUSTA_HOME": str(home), **environ}, create_store=True, clock=clock)


def seen(app: App, name: str, status: Status = Status.UP, **values: Any) -> Observation:
    """A check this moment's slot."""
    slot = floor_to(app.now(), 300)
    given: dict[str, Any] = {"response_ms": 120.0, "items": 14, "data_age_s": 60.0, "http_status": 200}
    if status is Status.DOWN:
        given = {"reason": "http_status", "detail": "answered 503", "http_status": 503, "attempts": 3}
    else:
        given["phases"] = Phases(dns=2.0, connect=10.0, tls=20.0, first_byte=80.0, body=8.0)
    return Observation(name, slot, slot + 1, status, **(given | values))


def tick(app: App, *observations: Observation, alerts: bool = True) -> None:
    """Store these, evaluate them, and say that the monitor has ticked."""
    with app.store.write() as uow:
        uow.observations.add(observations)
    if alerts:
        alert_pass(app, ticking=True)
    with app.store.write() as uow:
        uow.meta.put(LAST_TICK, {"started_at": app.now() - 1, "at": app.now(), "duration_s": 1.0})


def history(app: App, clock: FakeClock, n: int, **last: Status) -> None:
    """`n` ticks in which nothing is wrong, then one with these statuses."""
    for _ in range(n):
        tick(app, *(seen(app, name) for name in app.config.sources), alerts=False)
        clock.advance(300)
    tick(app, *(seen(app, name, last.get(name, Status.UP)) for name in app.config.sources))


@contextmanager
def serving(asgi: Any, **options: Any) -> Iterator[str]:
    """A real uvicorn on a free loopback port; -> its address."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)  # the caller before the server runs waits, and is not refused
    config = uvicorn.Config(asgi, log_level="error", lifespan="off", timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def guest(app: App, role: Callable[[], Role], *more: Any) -> Any:
    """The routes behind a stand-in for the door that lets everyone in with this role."""
    from starlette.applications import Starlette

    from busta_health_dagster.web.pages import routes

    inner = Starlette(routes=[*more, *routes(app)])

    async def door(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["principal"] = Principal("dana", role(), "session", csrf="c5rf")
        await inner(scope, receive, send)

    return door
