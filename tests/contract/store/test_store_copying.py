"""A whole store in another database, in a file, and back: nothing missing, nothing twice, never half of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from small_home import environ_of, small_home
from sqlalchemy import func, insert, select, text, update
from store_stories import T0
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.access import AuditEntry, Role
from busta_health_dagster.domain.errors import BadInput, StoreMissing, StoreUnavailable
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.store import Store
from busta_health_dagster.store.copying import copy_store
from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.schema.access import api_token
from busta_health_dagster.store.schema.alerting import audit
from busta_health_dagster.store.schema.observing import observation, source
from busta_health_dagster.store.vacuum import give_room_back, vacuum
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def quiet(_done: int, _total: int | None) -> None:
    """Nobody watches."""


def filled(store: Store, rows: int = 5_000) -> None:
    """Two sources with `rows` observations, a text of every alphabet, a token whose number was given and is gone."""
    with store.write() as uow:
        connection = uow.connection
        connection.execute(
            insert(source),
            [
                {"id": n, "name": name, "type": "odds", "interval_s": 300, "origin": "config", "added_at": T0}
                for n, name in enumerate(("odds", "źródło-Ω"), 1)
            ],
        )
        connection.execute(
            insert(observation),
            [
                {
                    "slot": T0 + 300 * n,
                    "source_id": 1 + n % 2,
                    "verdict": 0,
                    "response": n,
                    "trace": bytes([n % 256, 0]),
                }
                for n in range(rows)
            ],
        )
        for n, name in enumerate(("zeta", "Alpha", "ärger", "_x")):
            uow.meta.put(name, {"n": n})
            uow.audit.append(AuditEntry(T0, "ann", "note", name, 'said "quote" \\ and \u2028'))
            connection.execute(
                insert(api_token).values(name=name, role="viewer", digest=name, created_at=T0, created_by="ann")
            )
        connection.execute(api_token.delete().where(api_token.c.name == "_x"))


def contents(store: Store) -> dict[str, set[str]]:
    with store.read() as uow:
        return {t.name: {repr(tuple(row)) for row in uow.connection.execute(select(t))} for t in metadata.sorted_tables}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A second store of either kind, with nothing in it: on Postgres the database exists, on SQLite the file does not."""
    url = f"sqlite:///{tmp_path}/new/other.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    with Store(url, busy_timeout_s=60) as opened:
        yield opened


def test_everything_arrives_on_either_database(store: Store, other: Store) -> None:
    filled(store)
    copied = copy_store(store, other, quiet)
    assert {c.name: c.rows for c in copied if c.rows} == {
        "source": 2,
        "observation": 5000,
        "audit": 4,
        "meta": 4,
        "api_token": 3,
    }
    assert contents(other) == contents(store)
    other.check()


def test_a_number_that_was_given_once_is_not_given_again(store: Store, other: Store) -> None:
    filled(store, rows=10)
    copy_store(store, other, quiet)
    with other.write() as uow:
        made = insert(api_token).values(name="new", role="viewer", digest="new", created_at=T0, created_by="ann")
        assert uow.connection.execute(made.returning(api_token.c.id)).scalar_one() == 5
        uow.audit.append(AuditEntry(T0, "ann", "note", "x", ""))
        assert uow.connection.execute(select(func.max(audit.c.id))).scalar_one() == 5


class Unplugged(Exception):
    """What ends a copy in the middle."""


def interrupted(old: Store, new: Store) -> None:
    def unplug(done: int, _total: int | None) -> None:
        if done > 3_000:
            raise Unplugged

    with pytest.raises(Unplugged):
        copy_store(old, new, unplug)


@pytest.fixture
def old_and_new(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """A filled store on SQLite, and an empty database."""
    with Store(f"sqlite:///{tmp_path}/old.db") as old, Store(postgres_url) as new:
        old.upgrade()
        filled(old)
        yield old, new


@pytest.mark.postgres
def test_an_interrupted_copy_is_no_store_and_goes_on_where_it_stopped(old_and_new: tuple[Store, Store]) -> None:
    old, new = old_and_new
    interrupted(old, new)
    for refused in (new.check, new.upgrade):
        with pytest.raises(StoreMissing, match="copy that was not finished"):
            refused()
    with new.filling() as here:
        arrived = here.execute(select(func.count()).select_from(observation)).scalar_one()
    assert 0 < arrived < 5000

    seen: list[int] = []
    copy_store(old, new, lambda done, _total: seen.append(done))
    assert seen[0] > arrived, "what had arrived was not sent again"
    assert contents(new) == contents(old)


@pytest.mark.postgres
def test_a_copy_that_was_interrupted_while_the_store_went_on_begins_anew(old_and_new: tuple[Store, Store]) -> None:
    old, new = old_and_new
    interrupted(old, new)
    with old.write() as uow:
        uow.connection.execute(update(observation).where(observation.c.slot == T0).values(response=77))
        uow.meta.put("Alpha", "changed")
    copy_store(old, new, quiet)
    assert contents(new) == contents(old)


def test_a_store_in_use_is_never_written_over(store: Store, other: Store) -> None:
    filled(store, rows=10)
    other.upgrade()
    filled(other, rows=3)
    before = contents(other)
    with pytest.raises(BadInput, match=r"is in use: it has 16 rows"):
        copy_store(store, other, quiet)
    assert contents(other) == before
    with pytest.raises(BadInput, match="is the store itself"):
        copy_store(store, store, quiet)


@pytest.mark.postgres
def test_what_someone_else_writes_into_the_copy_is_found(old_and_new: tuple[Store, Store]) -> None:
    old, new = old_and_new

    def meddle(done: int, _total: int | None) -> None:
        if 2_000 < done < 4_500:
            with new.filling() as here:
                here.execute(update(observation).where(observation.c.slot == T0).values(response=-1))

    with pytest.raises(StoreUnavailable, match="differs in observation"):
        copy_store(old, new, meddle)
    assert new.status().state == "unfinished"


@pytest.mark.postgres
def test_a_text_that_postgres_cannot_hold_names_its_table(tmp_path: Path, postgres_url: str) -> None:
    with Store(f"sqlite:///{tmp_path}/old.db") as old, Store(postgres_url) as new:
        old.upgrade()
        with old.write() as uow:
            uow.audit.append(AuditEntry(T0, "ann", "note", "x", "a\0b"))
        with pytest.raises(BadInput, match="A row of audit between"):
            copy_store(old, new, quiet)


def run(base: Path, *words: str, exit_code: int = 0, **environ: str) -> str:
    done = CliRunner().invoke(busta, ["db", *words], env=environ_of(base, COLUMNS="160", **environ))
    assert done.exit_code == exit_code, done.output
    return done.output


def test_a_backup_of_a_running_monitor_brings_everything_back(tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    with small_home(tmp_path) as app:
        Monitor(app, "ann").acknowledge([1], note="on it")
        access.create_token(app, name="op", role=Role.OPERATOR, by="test")
        assert "verified" in run(tmp_path, "backup", str(kept))
        before = contents(app.store)
        assert "exists already" in run(tmp_path, "backup", str(kept), exit_code=2)
        path = app.store.sqlite_path
        assert "is in use" in run(tmp_path, "restore", str(kept), exit_code=2)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.glob("kept*")] == ["kept.db"], "one file, nothing beside it"
    for lost in path.parent.glob(f"{path.name}*"):
        lost.unlink()
    assert "verified" in run(tmp_path, "restore", str(kept))
    with Store(f"sqlite:///{path}") as back:
        assert contents(back) == before


def test_a_backup_of_an_older_release_is_brought_up_to_this_one(tmp_path: Path) -> None:
    from busta_health_dagster.store.migrate import upgrade

    with small_home(tmp_path) as app:
        path = app.store.sqlite_path
    old = tmp_path / "old.db"
    old.touch()
    with Store(f"sqlite:///{old}") as store, store.filling() as connection:
        upgrade(connection, "0005")
    for lost in path.parent.glob(f"{path.name}*"):
        lost.unlink()
    before = old.read_bytes()
    assert "verified" in run(tmp_path, "restore", str(old))
    assert old.read_bytes() == before
    with Store(f"sqlite:///{path}") as back:
        back.check()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "There is no file"), (b"PK\3\4 a zip file", "is not a SQLite file"), (b"", "is not a SQLite file")],
)
def test_what_is_no_backup_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    with small_home(tmp_path):
        pass
    file = tmp_path / "x.db"
    if content is not None:
        file.write_bytes(content)
    assert said in run(tmp_path, "restore", str(file), exit_code=2)


@pytest.mark.postgres
def test_a_monitor_on_the_copy_tells_nobody_anything_twice_and_forgets_nothing(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(1_800_000_000.0)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    told = tmp_path / "data" / "notifications.jsonl"
    with small_home(tmp_path, clock=clock) as app:
        delivery_pass(app)
        assert len(told.read_text().splitlines()) == 1
        (tmp_path / "data" / "good.csv").unlink()
        clock.advance(300)
        run_tick(app)  # good_file is down too, and its message waits
        Monitor(app, "ann").acknowledge([1], note="on it")
    assert "start busta there only" in run(tmp_path, "copy", BUSTA_COPY_TO=postgres_url)
    there = environ_of(tmp_path, BUSTA_DATABASE_URL=postgres_url)
    with bootstrap.open_app(environ=there, clock=clock) as app:
        delivery_pass(app)
        kinds = [line for line in told.read_text().splitlines() if '"alert.opened"' in line]
        assert len(kinds) == 2, "the one that waited was told, once"
        before = told.read_text()
        clock.advance(300)
        run_tick(app)
        delivery_pass(app)
        assert told.read_text() == before
        with app.store.read() as uow:
            holders = {a.source: a.ack and a.ack.by for a in uow.alerts.open()}
    assert holders == {"gone_file": "ann", "good_file": None}


def test_copying_waits_for_the_monitor_to_stop(tmp_path: Path) -> None:
    from busta_health_dagster.settings.home import InstanceLock

    with small_home(tmp_path) as app:
        lock = InstanceLock(app.home)
        lock.acquire()
        try:
            said = run(tmp_path, "copy", "--to", f"sqlite:///{tmp_path}/new.db", exit_code=2)
        finally:
            lock.release()
    assert "already runs" in said
    assert not (tmp_path / "new.db").exists()


def test_room_of_pruned_rows_goes_back_to_the_disk(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/x.db") as store:
        store.upgrade()
        filled(store, rows=60_000)
        with store.outside_transactions() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        full = store.sqlite_path.stat().st_size
        store.prune({"observations": 0.0}, T0 + 300 * 59_000)
        with store.outside_transactions() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        assert store.sqlite_path.stat().st_size < full / 3


def test_vacuum_makes_an_older_store_small_and_keeps_its_rows(store: Store) -> None:
    filled(store, rows=20_000)
    with store.write() as uow:
        uow.connection.execute(observation.delete().where(observation.c.slot > T0 + 3000))
        if store.is_sqlite:
            uow.connection.execute(text("PRAGMA auto_vacuum = NONE"))
    before = contents(store)
    was, now = vacuum(store)
    assert contents(store) == before
    assert now < was
    if store.is_sqlite:
        with store.read() as uow:
            assert uow.connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == 2


def test_a_backup_that_has_no_room_says_which_disk_and_leaves_nothing(tmp_path: Path) -> None:
    with small_home(tmp_path) as app:
        with app.store.write() as uow:
            uow.meta.put("large", "x" * 2_000_000)
        kept = tmp_path / "backups" / "kept.db"
        kept.parent.mkdir()
        command = f'ulimit -f 256; exec "{sys.executable}" -m busta_health_dagster.cli db backup "{kept}"'
        environ = os.environ | environ_of(tmp_path)
        done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=False)
    said = " ".join(done.stderr.split())
    assert done.returncode == 3, said
    assert "broke off" in said
    assert f"Is there room for it in {kept.parent}? Nothing of it is left." in said
    assert "Traceback" not in said
    assert [p.name for p in kept.parent.iterdir() if p.suffix == ".db" or p.name.endswith(".part")] == []


def test_pruning_beside_a_writer_that_never_ends_says_what_keeps_its_room(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with Store(url, busy_timeout_s=0.1) as store, Store(url) as other:
        store.upgrade()
        filled(store, rows=20_000)
        with store.write() as uow:
            uow.connection.execute(observation.delete())
        with other.write(), pytest.raises(StoreUnavailable, match="keeps the room of the old rows: database is locked"):
            give_room_back(store)
        give_room_back(store)
        with store.read() as uow:
            assert uow.connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() == 0
