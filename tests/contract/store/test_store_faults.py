"""Faults of the database: everything or nothing, and a sentence that says what to do."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from store_stories import DAY, T0, added, seen, synced

from busta_health_dagster.domain.errors import StoreFull, StoreUnavailable
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.store import Store

NAMES = [f"s{n:02}" for n in range(30)]


def overlapping_run(url: str, offset: int, ready: object, results: object) -> None:
    """A tick of its own process: the same slots as its twin, in another order."""
    with Store(url) as store:
        ready.wait()  # type: ignore[attr-defined]
        stored = 0
        for i in range(12):
            slot = T0 + (i + offset) % 12 * 300
            stored += len(added(store, *(seen(name, slot) for name in NAMES)))
        results.put(stored)  # type: ignore[attr-defined]


def test_overlapping_runs_in_two_processes_store_every_slot_once(store: Store, store_url: str) -> None:
    synced(store, **dict.fromkeys(NAMES, 300))
    store.close()
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(2), context.Queue()
    runs = [context.Process(target=overlapping_run, args=(store_url, offset, ready, results)) for offset in (0, 5)]
    for run in runs:
        run.start()
    stored = [results.get(timeout=60) for _ in runs]
    for run in runs:
        run.join()
    assert sum(stored) == 12 * len(NAMES)
    with store.write() as uow:
        summaries = uow.rollups.summary(None, {"w": (T0, T0 + DAY)})
        assert {s["w"].up for s in summaries.values()} == {12}
        assert uow.rollups.recompute(None, T0, T0 + DAY).hours == 0


def test_an_error_in_the_middle_leaves_nothing_behind(store: Store) -> None:
    synced(store, odds=300)

    def killed_in_the_middle() -> None:
        with store.write() as uow:
            uow.observations.add([seen("odds", T0, Status.DOWN)])
            uow.meta.put("tick", T0)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        killed_in_the_middle()
    with store.read() as uow:
        assert uow.observations.last_slot() is None
        assert (uow.states.all(), uow.meta.get("tick")) == ({}, None)
        assert uow.rollups.summary(["odds"], {"w": (T0, T0 + DAY)})["odds"]["w"].seen == 0


def test_a_reader_sees_one_moment(store: Store, store_url: str) -> None:
    synced(store, odds=300)
    added(store, seen("odds", T0))
    with store.read() as uow:
        assert uow.observations.last_slot() == T0
        with Store(store_url) as other:
            added(other, seen("odds", T0 + 300, Status.DOWN))
        assert uow.observations.last_slot() == T0
        assert uow.states.all()["odds"].status is Status.UP
    with store.read() as uow:
        assert uow.observations.last_slot() == T0 + 300


@pytest.fixture
def path(tmp_path: Path, _sqlite_template: Path) -> Path:
    copy = tmp_path / "busta.db"
    copy.write_bytes(_sqlite_template.read_bytes())
    return copy


def test_a_locked_sqlite_is_waited_for_and_loses_no_tick(path: Path) -> None:
    with Store(f"sqlite:///{path}") as store:
        synced(store, odds=300)
        held, other = threading.Event(), sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        tick = threading.Thread(target=lambda: (held.set(), added(store, seen("odds", T0))))
        tick.start()
        held.wait()
        tick.join(timeout=0.2)
        assert tick.is_alive()
        other.execute("COMMIT")
        tick.join()
        other.close()
        with store.read() as uow:
            assert uow.observations.last_slot() == T0


def test_a_sqlite_that_stays_locked_says_so_and_readers_go_on(path: Path) -> None:
    with Store(f"sqlite:///{path}", busy_timeout_s=0.05) as store:
        synced(store, odds=300)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreUnavailable, match=r"locked by another writer .*fuser .*busta.db\); nothing was written"
        ):
            added(store, seen("odds", T0))
        with store.read() as uow:
            assert [s.name for s in uow.sources.all()] == ["odds"]
        other.execute("ROLLBACK")
        other.close()
        assert added(store, seen("odds", T0)) == {("odds", T0)}


def test_a_full_sqlite_fails_loudly_and_resumes_when_there_is_room(path: Path) -> None:
    with Store(f"sqlite:///{path}") as store:
        synced(store, **dict.fromkeys(NAMES, 300))
        with store.write() as uow:
            pages = uow.connection.execute(text("PRAGMA page_count")).scalar_one()
            uow.connection.execute(text(f"PRAGMA max_page_count = {pages + 3}"))
        ticks = 0
        full = r"has no room left .*Free space on its disk or shorten `retention:`.*resumes"
        with pytest.raises(StoreFull, match=full):  # noqa: PT012  the pages decide which tick it is
            for ticks in range(100):
                added(store, *(seen(name, T0 + ticks * 300) for name in NAMES))
        with store.write() as uow:
            assert uow.observations.last_slot() == T0 + (ticks - 1) * 300
            assert uow.rollups.recompute(None, T0, T0 + DAY).hours == 0
            uow.connection.execute(text("PRAGMA max_page_count = 1000000"))
        assert len(added(store, *(seen(name, T0 + ticks * 300) for name in NAMES))) == len(NAMES)


@pytest.fixture
def postgres_store(postgres_url: str) -> Store:
    with Store(postgres_url) as store:
        store.upgrade()
        return synced(store, odds=300)


def terminated(url: str) -> int:
    """End every other connection to the database, as a restart or an administrator would; -> how many there were."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return int((cursor.fetchone() or (0,))[0])
    finally:
        connection.close()


def test_a_dropped_postgres_connection_leaves_nothing_half_written(postgres_store: Store, postgres_url: str) -> None:
    store = postgres_store

    def cut_in_the_middle() -> None:
        with store.write() as uow:
            uow.observations.add([seen("odds", T0)])
            assert terminated(postgres_url) == 1
            uow.meta.put("tick", T0)

    with pytest.raises(StoreUnavailable, match=r"is not reachable.*Check that the server runs"):
        cut_in_the_middle()
    with store.read() as uow:
        assert (uow.observations.last_slot(), uow.states.all()) == (None, {})
    store.close()


def test_a_connection_that_died_while_idle_is_replaced_unnoticed(postgres_store: Store, postgres_url: str) -> None:
    store = postgres_store
    with store.read() as uow:
        assert uow.observations.last_slot() is None
    assert terminated(postgres_url) == 1
    assert added(store, seen("odds", T0)) == {("odds", T0)}
    store.close()


def test_a_name_that_holds_the_word_full_is_no_full_disk(path: Path) -> None:
    """A mistake of ours in a statement would send someone to delete files."""
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    with pytest.raises(OperationalError, match="no such column: full_name"), store.read() as uow:
        uow.connection.execute(text("SELECT full_name FROM source_state"))
    store.close()
