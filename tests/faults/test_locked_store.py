"""Another program holds the store of a running monitor: SQLite's lock for longer than a tick takes, Postgres' connections."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from busta_health_dagster import bootstrap
from tests.e2e.up_stories import eventually, running, up
from tests.faults.monitor_stories import metric, monitor, observations, sent, ticks_done

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
GOOD = "good_file/source-down"
HELD_S = 20.0
"""Longer than a tick, shorter than a writer waits."""


def test_a_sqlite_that_someone_locks_is_waited_for_and_no_slot_is_lost(tmp_path: Path) -> None:
    environ = monitor(tmp_path)
    good = tmp_path / "data" / "good.csv"
    with up(environ):
        url = running(environ)["url"]
        eventually(lambda: ticks_done(environ) >= 1, "the first tick")
        with closing(sqlite3.connect(Path(environ["BUSTA_HOME"]) / "busta.sqlite3", isolation_level=None)) as other:
            eventually(lambda: begun(other), "the lock is ours")
            good.rename(good.with_suffix(".away"))
            time.sleep(HELD_S)  # the fault itself
            other.execute("ROLLBACK")
        eventually(lambda: ("alert.opened", GOOD) in sent(tmp_path), "what happened meanwhile is notified")
        assert metric(url, "busta_slots_missed_total") in {0, None}
    slots = [o.slot for o in observations(environ, "gone_file")]
    assert slots == list(range(slots[0], slots[-1] + 60, 60))


def begun(other: sqlite3.Connection) -> bool:
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.postgres
def test_connections_that_postgres_ends_again_and_again_leave_nothing_half_written(
    tmp_path: Path, postgres_url: str
) -> None:
    environ = monitor(tmp_path) | {"BUSTA_DATABASE_URL": postgres_url}
    good = tmp_path / "data" / "good.csv"
    with up(environ) as process:
        running(environ)
        eventually(lambda: ticks_done(environ) >= 1, "the first tick")
        good.rename(good.with_suffix(".away"))
        with closing(psycopg2.connect(postgres_url)) as admin:
            admin.autocommit = True
            ends = time.monotonic() + 40  # a tick is sure to begin meanwhile or wait for its end: the fault itself
            while time.monotonic() < ends:
                with admin.cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                time.sleep(1.5)
        eventually(lambda: ("alert.opened", GOOD) in sent(tmp_path), "what happened meanwhile is notified")
        before = ticks_done(environ)
        eventually(lambda: ticks_done(environ) > before, "it ticks on")
        assert process.poll() is None
    assert [kind for kind, what in sent(tmp_path) if what == GOOD] == ["alert.opened"]
    with bootstrap.open_app(environ=environ) as app, app.store.write() as uow:
        slots = [o.slot for rows in uow.observations.window(None, 0, 2**31).values() for o in rows]
        assert uow.rollups.recompute(None, min(slots), max(slots) + 3600).hours == 0, "counted as often as stored"
