"""kill -9 at every step between an observation and its message: nothing is lost, and what comes twice carries its key."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.store import Store
from tests.delivery_stories import Receiver, application, enqueue, hook, message, rows
from tests.faults import delivery_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

SOURCES = """\
version: 1
sources:
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0, interval: 1m}
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: critical}
channels:
  - {name: ops, kind: webhook, url: "%(url)s", allow_private: true}
escalations:
  - {name: default, steps: [{after: 0m, severity: critical, notify: [ops]}]}
routes:
  - {select: {}, escalation: default}
"""
PROCESSES = multiprocessing.get_context("forkserver")  # imports once; each child is a process of its own
PROCESSES.set_forkserver_preload(["tests.faults.delivery_worker"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as ops:
        yield ops


@pytest.fixture
def monitor(tmp_path: Path, store_url: str, receiver: Receiver) -> dict[str, str]:
    """The environment of a monitor of one file that is not there, on either database."""
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"url": receiver.url})
    ours = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config), "BUSTA_DATABASE_URL": store_url}
    return {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))} | ours


def tick(environ: dict[str, str], die_at: str = "") -> int:
    """One tick in a process of its own; -> its exit code."""
    process = PROCESSES.Process(target=delivery_worker.tick, args=(environ | {"BUSTA_FAILPOINT": die_at},))
    process.start()
    process.join()
    return process.exitcode


def known(environ: dict[str, str]) -> tuple[int, int, int]:
    """How many observations, alerts and messages the store holds."""
    with bootstrap.open_app(environ=environ) as app, app.store.read() as uow:
        counts = uow.row_counts()
    return counts["observation"], counts["alert"], counts["outbox"]


@pytest.mark.parametrize(
    ("die_at", "left"),
    [
        ("during_probe", (0, 0, 0)),
        ("after_observe", (1, 0, 0)),
        ("after_evaluate", (1, 0, 0)),
        ("before_commit", (1, 0, 0)),
        ("after_commit", (1, 1, 1)),
        ("after_claim", (1, 1, 1)),
        ("after_send", (1, 1, 1)),
    ],
)
def test_a_tick_killed_at_any_step_is_made_up_by_the_next(
    monitor: dict[str, str], receiver: Receiver, die_at: str, left: tuple[int, int, int]
) -> None:
    assert tick(monitor, die_at) == -signal.SIGKILL
    assert known(monitor) == left
    assert len(receiver.received) == (die_at == "after_send")
    assert tick(monitor) == 0
    if die_at in {"after_claim", "after_send"}:  # its worker's lease must end first
        with bootstrap.open_app(environ=monitor) as app, app.store.write() as uow:
            uow.connection.exec_driver_sql("UPDATE outbox SET lease_until = 0")
        assert tick(monitor) == 0
    assert receiver.types == ["alert.opened"] * (2 if die_at == "after_send" else 1)
    assert len(set(receiver.keys)) == 1
    assert known(monitor)[1:] == (1, 1)


def test_a_monitor_killed_while_an_alert_is_open_never_says_resolved(
    monitor: dict[str, str], receiver: Receiver
) -> None:
    tick(monitor)
    for die_at in ("after_observe", "before_commit", "during_probe"):
        with bootstrap.open_app(environ=monitor) as app, app.store.write() as uow:  # the next slot is due
            uow.connection.exec_driver_sql("UPDATE source_state SET last_slot = last_slot - 60")
        assert tick(monitor, die_at) == -signal.SIGKILL
    assert tick(monitor) == 0
    assert receiver.types == ["alert.opened"]


def test_workers_killed_at_random_lose_nothing_and_keep_the_keys(
    store_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    events, workers, kills = 150, 3, 8
    keys = {f"k{n:04}" for n in range(events)}

    def worker():
        process = PROCESSES.Process(target=delivery_worker.deliver, args=(store_url, receiver.url, str(tmp_path), 1.5))
        process.start()
        return process

    rng = random.Random(7)
    with Store(store_url) as store:
        app = application(store, tmp_path, hook("ops", receiver.url), clock=SystemClock())
        todo = sorted(keys)
        enqueue(app, *(message(k, "ops") for k in todo[: events // 2]))
        running = [worker() for _ in range(workers)]
        try:
            for n in range(kills):
                before = len(receiver.received)
                _until(lambda b=before: len(receiver.received) > b or len(set(receiver.keys)) == events)
                if n == kills // 2:
                    enqueue(app, *(message(k, "ops") for k in todo[events // 2 :]))
                victim = rng.randrange(workers)
                running[victim].kill()
                running[victim].join()
                running[victim] = worker()
            _until(lambda: all(r.state == "done" for r in rows(app).values()))
        finally:
            for process in running:
                process.kill()
                process.join()
        assert set(receiver.keys) == keys, "none is lost, and a duplicate has the key of its first"
        assert delivery_pass(app).attempts == 0


def _until(condition, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
