"""Words that the stories about vantage points share: an API that each of them may see differently, and a monitor that asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from http_stories import Answer, answering
from small_home import TOLD, environ_of

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Observation, SourceState
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.observing.vantages import close_slots
from busta_health_dagster.pipeline.tick.tick import run_tick, run_vantage
from busta_health_dagster.testing import FakeClock

T0 = 1_795_420_800  # 2026-11-23T08:00:00Z
TICK_S = 300
THREE = "vantages: {nyc: {}, fra: {}, lon: {}}\n"
SOURCES = """\
version: 1
defaults: {allow_private: true, confirm: 0}
sources:
  - {name: odds, type: odds, probe: http, url: "%(url)s/"}
  - {name: here, type: stats, probe: http, url: "%(url)s/here", vantages: []}
"""
RULES = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: no-data, pattern: no_data, intervals: 3}
"""


class Api:
    """Answers with `status`."""

    def __init__(self) -> None:
        self.status, self.asked, self.url, self.headers = 200, 0, "", {}

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        del headers
        if path == "/here":
            return Answer(b"[]")
        self.asked += 1
        return Answer(b'[{"game": 1}]', self.status, {"Content-Type": "application/json", **self.headers})


@contextmanager
def watching(
    base: Path, api: Api, settings: str = THREE, sources: str = SOURCES, *, start: int = T0, **environ: str
) -> Iterator[App]:
    """`odds` is observed from three vantage points, `here` from this machine."""
    with answering(api.answer) as at:
        api.url = f"http://{at}"
        for folder in ("config", "data"):
            (base / folder).mkdir()
        (base / "config" / "sources.yaml").write_text(sources % {"url": api.url})
        (base / "config" / "alerts.yaml").write_text(RULES + TOLD % {"data": base / "data"})
        (base / "config" / "settings.yaml").write_text(f"version: 1\n{settings}")
        environ = environ_of(base, **environ)
        with bootstrap.open_app(environ=environ, create_store=True, clock=FakeClock(float(start))) as app:
            yield app


def tick(app: App) -> list[Observation]:
    """What the tick stored of `odds`: the verdict of the slot that is over."""
    return [o for o in run_tick(app).observations if o.source == "odds"]


def sensor(app: App) -> list[Observation]:
    """What the alert sensor does between the ticks."""
    closed = close_slots(app)
    alert_pass(app, whole=False)
    return closed


def sees(app: App, api: Api, **status: int) -> None:
    """Each of these vantage points runs, and gets this status of HTTP."""
    for vantage, code in status.items():
        api.status = code
        run_vantage(app, vantage)


def state(app: App) -> SourceState | None:
    with app.store.read() as uow:
        return uow.states.get("odds")


def open_alerts(app: App) -> set[str]:
    with app.store.read() as uow:
        return {a.fingerprint for a in uow.alerts.open()}
