"""The home that `home_0_1_0.sql` was kept from, and how: `python -m tests.kept.home_story BASE` with 0.1.0 on the path.

A file is gone and its alert is open, told to the file channel and to a webhook that does not answer: that message waits in
the outbox. A second alert is acknowledged, a third one snoozed; a source is in its maintenance window; a token exists.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

T0 = 1_795_608_000  # 2026-11-25 12:00 UTC
STEP = 300
SOURCES = """\
version: 1
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", confirm: 0}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", confirm: 0}
  - {name: acked_file, type: stats, probe: file, path: "%(data)s/acked.csv", confirm: 0}
  - {name: snoozed_file, type: stats, probe: file, path: "%(data)s/snoozed.csv", confirm: 0}
  - {name: nightly, type: features, probe: heartbeat, interval: 1h, grace: 20m}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
channels:
  - {name: log, kind: file, path: "%(data)s/notifications.jsonl"}
  - {name: hook, kind: webhook, url: "%(hook)s", allow_private: true}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [log, hook]}]}
routes:
  - {select: {}, escalation: default}
"""
SETTINGS = """\
version: 1
web: {public_url: "http://monitor.example"}
"""


def configure(base: Path, hook: str) -> dict[str, str]:
    """Write the configuration and the data below `base`; -> the environment that names them."""
    values = {"data": base / "data", "hook": hook}
    for folder in ("data", "config"):
        (base / folder).mkdir(parents=True)
    good = base / "data" / "good.csv"
    good.write_text("a\n1\n")
    os.utime(good, (T0 - 60, T0 - 60))
    (base / "config" / "sources.yaml").write_text(SOURCES % values)
    (base / "config" / "alerts.yaml").write_text(ALERTS % values)
    (base / "config" / "settings.yaml").write_text(SETTINGS)
    return {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(base / "config")}


def main() -> None:
    """Run by 0.1.0 itself; its modules have other names than today's."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.domain.access import Role
    from busta_health_dagster.pipeline import access, alert_actions, deliver, tick  # type: ignore[attr-defined]
    from busta_health_dagster.testing import FakeClock

    base = Path(sys.argv[1])
    clock = FakeClock(T0)
    with bootstrap.open_app(environ=configure(base, "http://127.0.0.1:9/"), create_store=True, clock=clock) as app:
        tick.run_tick(app)
        deliver.delivery_pass(app)
        access.create_token(app, name="ann", role=Role.ADMIN, by="local")
        with app.store.read() as uow:
            ids = {alert.source: alert.id for alert in uow.alerts.open()}
        alert_actions.acknowledge(app, [ids["acked_file"]], actor="ann", note="the provider knows")
        alert_actions.snooze(app, [ids["snoozed_file"]], actor="ann", for_s=7200)
        clock.advance(STEP)
        tick.run_tick(app)
        deliver.delivery_pass(app)
    kept = sqlite3.connect(base / "home" / "busta.sqlite3")
    Path(sys.argv[2]).write_text("\n".join(kept.iterdump()) + "\n")


if __name__ == "__main__":
    main()
