"""Five thousand sources fail in one tick: real connections that are refused, a real store, a real receiver."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import EPOCH, FakeClock
from tests.delivery_stories import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
FLEET = 5_000
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning, select: {tiers: [2, 3]}}
  - {name: paid-down, metric: status, op: "==", value: down, severity: critical, select: {tiers: [1]}}
channels:
  - {name: ops, kind: webhook, url: "%s", allow_private: true, per_minute: 10}
escalations:
  - {name: default, steps: [{after: 0m, severity: warning, notify: [ops]}]}
routes:
  - {select: {}, escalation: default}
"""


def sources(port: int) -> str:
    lines = [
        f"  - {{name: s{n:04}, type: odds, tier: {1 + n % 3}, group: g{n % 7}, probe: tcp, host: 127.0.0.1, port: {port}, "
        "allow_private: true, interval: 5m}"
        for n in range(FLEET)
    ]
    return "version: 1\ndefaults: {confirm: 0}\nsources:\n" + "\n".join(lines) + "\n"


def test_it_is_few_messages_the_worst_first_and_the_next_tick_is_a_tick_as_any_other(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    clock = FakeClock(EPOCH)
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}
    with Receiver() as ops, socket.create_server(("127.0.0.1", 0), backlog=4096) as provider:
        (config / "sources.yaml").write_text(sources(provider.getsockname()[1]))
        (config / "alerts.yaml").write_text(ALERTS % ops.url)
        with bootstrap.open_app(environ=environ, create_store=True, clock=clock) as app:
            provider.close()
            clock.advance(300)
            assert len(run_tick(app).observations) == FLEET
            for _ in range(3):  # what waits for its group, and for the limit of the channel
                clock.advance(60)
                run_tick(app)
            with app.store.read() as uow:
                assert len(uow.alerts.open()) == FLEET
            assert ops.types == ["storm.opened"]
            storm = ops.received[0]["body"]["data"]
            assert (storm["severity"], storm["open"]) == ("critical", FLEET)
            shown = [alert["severity"] for alert in storm["alerts"]]
            assert shown == sorted(shown), "what is critical stands first"
            clock.advance(300)
            assert len(run_tick(app).observations) == FLEET, "the next tick observes all of them"
            assert set(ops.types[1:]) <= {"storm.updated"}, "and no one is notified of each source"
