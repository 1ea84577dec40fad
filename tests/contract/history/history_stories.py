"""Outage logs as a person would write them, and a monitor that imports them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.imports.import_history import ImportReport, import_history
from busta_health_dagster.pipeline.service_levels.incidents import IncidentList, list_incidents
from busta_health_dagster.pipeline.service_levels.service_levels import ServiceLevel, ask, service_levels
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.pipeline.app.app import App

T0 = 1_790_812_800  # 2026-10-01T00:00:00Z
HOUR, DAY = 3600, 86400
SOURCES = """\
version: 1
sources: [{name: watched_api, type: api, probe: tcp, host: h.example.com, port: 443}]
"""
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: "notifications.jsonl"}]
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: failure-rate, pattern: rate, metric: failed, op: ">", value: 5%, over: 6h, min_bad: 4, severity: warning}
  - {name: low-quality, metric: quality, op: "<", value: 90%, for: 2, severity: warning}
  - {name: budget-burn, pattern: burn_rate, severity: critical}
  - {name: no-data, pattern: no_data, intervals: 3, severity: warning}
  - {name: on-trial, metric: items, op: "<", value: 5, shadow: true}
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, severity: critical, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""


def open_monitor(root: Path, url: str, *, maintenance: str = "", now: int = T0 + 60 * DAY) -> App:
    """A monitor on this database with one source of its own."""
    config = root / "config"
    config.mkdir(exist_ok=True)
    (config / "sources.yaml").write_text(SOURCES)
    (config / "alerts.yaml").write_text(ALERTS)
    if maintenance:
        (config / "maintenance.yaml").write_text(maintenance)
    return bootstrap.open_app(
        home=root / "home",
        config_dir=config,
        environ={"BUSTA_DATABASE_URL": url},
        create_store=True,
        clock=FakeClock(now),
    )


def log(
    path: Path,
    slots: int,
    bad: Iterable[int] = (),
    *,
    step: int = 300,
    source: str = "feed",
    unknown: Iterable[int] = (),
    missing: Iterable[int] = (),
    start: int = T0,
) -> Path:
    """`slots` lines, of which the numbered ones are down, unknown, or not there. An existing file is added to."""
    down, dark, gone = set(bad), set(unknown), set(missing)
    new = "" if path.exists() else "timestamp,source,status\n"
    for n in range(slots):
        if n not in gone:
            word = "down" if n in down else "unknown" if n in dark else "up"
            new += f"{iso(start + n * step)},{source},{word}\n"
    with path.open("a") as handle:
        handle.write(new)
    return path


def imported(app: App, path: Path) -> ImportReport:
    return import_history(app, path)


def level(app: App, at: int, window: str = "30d", name: str = "feed") -> dict[str, Any]:
    """`busta sla NAME --window W --at T -o json`."""
    return the_level(app, at, window, name).as_json()


def the_level(app: App, at: int, window: str = "30d", name: str = "feed") -> ServiceLevel:
    (found,) = service_levels(app, ask(app, window, iso(at)), [name])
    return found


def incidents(app: App, at: int, window: str = "30d", *names: str) -> IncidentList:
    return list_incidents(app, ask(app, window, iso(at)), names or None)
