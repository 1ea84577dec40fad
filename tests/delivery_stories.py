"""Words that the stories about delivery share: a receiver that does what it is asked to, and an application on a store."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from busta_health_dagster import bootstrap
from busta_health_dagster.channels import registry
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.policy import AlertPolicy, ChannelSpec, Escalation, Route, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.delivery.attempt import payload_of
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.settings import Config, Secrets
from busta_health_dagster.settings.home import Home
from busta_health_dagster.store.outbox_rows import Message
from busta_health_dagster.testing import FakeClock
from tests import channel_stories as monday

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from busta_health_dagster.store import Store
    from busta_health_dagster.store.outbox_rows import OutboxRow


@dataclass
class Receiver:
    """A real HTTP server. `status` is what it answers; `script` what it answers first; `hang` keeps it silent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    script: list[int] = field(default_factory=list)
    hang: bool = False
    received: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)  # a request has come that waits for the release

    @property
    def keys(self) -> list[str]:
        return [r["key"] for r in self.received]

    @property
    def types(self) -> list[str]:
        return [r["type"] for r in self.received]

    def __enter__(self) -> Self:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if peer.hang:
                    peer.reached.set()
                    peer.release.wait(30)
                    return
                status = peer.script.pop(0) if peer.script else peer.status
                text = json.loads(body) if body.startswith(b"{") else {}
                kept = {"key": self.headers.get("webhook-id"), "status": status, "path": self.path}
                peer.received.append({**kept, "type": text.get("type"), "body": text})
                self.send_response(status)
                for name, value in peer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            do_PUT = do_PATCH = do_POST  # noqa: N815  http.server's names

            def log_message(self, *args) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address) -> None:
                """A client that hangs up is part of the story."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


def hook(name: str, url: str, **more: Any) -> ChannelSpec:
    """A webhook channel that may reach this machine."""
    config = {"url": url, "allow_private": True, **more.pop("config", {})}
    return ChannelSpec(name, "webhook", registry.BUILT_IN["webhook"].config(**config), **more)


def to_file(name: str, path: Path | str, **more: Any) -> ChannelSpec:
    return ChannelSpec(name, "file", registry.BUILT_IN["file"].config(path=str(path)), **more)


def policy(*channels: ChannelSpec) -> AlertPolicy:
    """Everything goes to the first channel."""
    ladder = Escalation("default", (Step(0, (channels[0].name,), Severity.WARNING),))
    return AlertPolicy({"default": ladder}, (Route(Selector(), "default"),), channels={c.name: c for c in channels})


def application(
    store: Store, tmp_path: Path, *channels: ChannelSpec, environ: dict[str, str] | None = None, clock: Any = None
) -> App:
    """An application with these channels and nothing to watch."""
    config = Config(tmp_path, {}, policy=policy(*channels))
    return App(
        Home(tmp_path),
        config,
        store,
        Secrets(environ or {}, tmp_path),
        clock or FakeClock(),
        bootstrap.make_prober,
        make_channels=bootstrap.make_channels,
        make_rulebook=bootstrap.make_rulebook,
    )


def notification(kind: NotificationKind = NotificationKind.OPENED, alert: int = 4127) -> Notification:
    base = {NotificationKind.RESOLVED: monday.RESOLVED, NotificationKind.ESCALATED: monday.ESCALATED}.get(
        kind, monday.OPENED
    )
    return replace(base, kind=kind, alert=replace(base.alert, id=alert))


def message(key: str, channel: str, kind: NotificationKind = NotificationKind.OPENED, **more: Any) -> Message:
    """Each in a thread of its own, unless configured otherwise."""
    body = payload_of(notification(kind))
    return Message(key, channel, kind.value, body, more.pop("thread", f"thread-{key}"), more.pop("severity", 1), **more)


def enqueue(app: App, *messages: Message) -> None:
    with app.store.write() as uow:
        uow.outbox.enqueue(messages, app.clock.now())


def rows(app: App) -> dict[str, OutboxRow]:
    """By key."""
    with app.store.read() as uow:
        return {r.message.key: r for r in uow.outbox.list("waiting", "sending", "done", "dead", limit=10_000)}


def counters(app: App) -> dict[str, float]:
    with app.store.read() as uow:
        return {k: v for k, v in uow.counters.all().items() if k.startswith("busta_notifications_total")}


def tick(app: App, down: Collection[str], reason: str, detail: str) -> None:
    """Every source is observed, those of `down` with this reason; then alerts and deliveries, and five minutes pass."""
    now = app.now()
    slot = floor_to(now, 300)
    seen = [Observation(n, slot, now, Status.UP) for n in app.config.sources if n not in down]
    seen += [Observation(n, slot, now, Status.DOWN, reason, detail) for n in app.config.sources if n in down]
    store_observations(app, seen)
    alert_pass(app, ticking=True)
    delivery_pass(app)
    app.clock.advance(300)
