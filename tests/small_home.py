"""A small monitored home over real files, and what serves it: for REST, for the OpenAPI, and for `busta --url`."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from page_stories import serving

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, FailingRow, QualityScore, Scored
from busta_health_dagster.pipeline.tick.tick import run_tick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.pipeline.app.app import App

SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h, confirm: 0, quality: {suite: good}}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0}
  - {name: nightly, type: features, probe: heartbeat, interval: 1h, grace: 20m}
"""
SOURCE_DOWN = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
"""
TOLD = """\
channels:
  - {name: log, kind: file, path: "%(data)s/notifications.jsonl"}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log]}]}
routes:
  - {select: {}, escalation: default}
"""
"""Every alert goes to one file. What tests of other rules append to them."""
ALERTS = SOURCE_DOWN + TOLD
MAINTENANCE = """\
version: 1
windows:
  - {name: nightly-backup, select: {names: [good_file]}, start: "2126-01-05T03:00", duration: 30m, rrule: FREQ=DAILY, zone: UTC, reason: backup}
"""
"""A hundred years ahead: planned work that begins every night would silence a test that runs at that hour."""


def environ_of(base: Path, **more: str) -> dict[str, str]:
    return {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(base / "config"), **more}


def delivered(file: Path, text: str, now: float) -> None:
    """A file as old as the clock says, not as the machine does."""
    file.write_text(text)
    os.utime(file, (now, now))


@contextmanager
def small_home(base: Path, *, clock: Clock | None = None, **environ: str) -> Iterator[App]:
    """good_file is up, gone_file is down with an open alert (1), nightly was never beaten; checked once."""
    for folder in ("data", "config"):
        (base / folder).mkdir()
    delivered(base / "data" / "good.csv", "a\n1\n2\n", time.time() if clock is None else clock.now())
    (base / "config" / "sources.yaml").write_text(SOURCES % {"data": base / "data"})
    (base / "config" / "alerts.yaml").write_text(ALERTS % {"data": base / "data"})
    (base / "config" / "maintenance.yaml").write_text(MAINTENANCE)
    with bootstrap.open_app(environ=environ_of(base, **environ), create_store=True, clock=clock) as app:
        run_tick(app)
        yield app


@contextmanager
def served(app: App) -> Iterator[str]:
    """REST and metrics behind the real door on a free loopback port; -> the address."""
    from starlette.applications import Starlette

    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    with serving(AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))) as url:
        yield url


def scored(app: App) -> None:
    """A stored validation of good_file, below its limit, with a row that failed."""
    check = CheckResult("a-positive", Dimension.VALIDITY, "a", CheckSeverity.ERROR, 2, 1, why="1 row is not positive")
    score = QualityScore(72.5, 72.5, 4.0, 100.0, {Dimension.VALIDITY: 72.5}, (), (check,), 2)
    now = app.now()
    with app.store.write() as uow:
        uow.quality.add([Scored("good_file", now, now, "good", score)])
        uow.quality.put_failures("good_file", now, [FailingRow("a-positive", 1, {"a": "9"}, {"a": "9"}, 1)])
