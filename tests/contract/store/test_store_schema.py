"""The schema: made by migrations only, checked before anything is read."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Table, text
from sqlalchemy.exc import InternalError
from store_stories import T0, added, seen, synced

from busta_health_dagster.domain.errors import BadInput, StoreAbsent, StoreMissing, StoreTooNew, StoreUnavailable
from busta_health_dagster.store import Store
from busta_health_dagster.store.engine import parse_url
from busta_health_dagster.store.migrate import config
from busta_health_dagster.store.versions import HEAD, REVISIONS, VERSION_TABLE


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A database that holds nothing yet."""
    if request.param == "sqlite":
        return Store(f"sqlite:///{tmp_path / 'home' / 'busta.db'}")
    return Store(request.getfixturevalue("postgres_url"))


def test_the_migrations_build_exactly_the_tables_of_the_schema(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from busta_health_dagster.store.schema import access, alerting, metadata, observing

    assert {access.session.name, alerting.alert.name, observing.source.name} <= set(metadata.tables)
    with store.read() as uow:
        context = MigrationContext.configure(
            uow.connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
        )
        assert compare_metadata(context, metadata) == []
        assert set(uow.row_counts()) == set(metadata.tables)


def test_the_revisions_that_the_program_knows_are_the_migrations() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config())
    assert script.get_current_head() == HEAD
    assert [r.revision for r in script.walk_revisions()][::-1] == list(REVISIONS)


def test_reading_makes_no_store_and_says_how_to_make_one(bare: Store, tmp_path: Path) -> None:
    assert bare.status().state == "missing"
    for open_it in (bare.read, bare.write):
        with (
            pytest.raises(
                StoreAbsent, match=r"There is no store at .* yet: .* Start it with: busta up; .*: busta db upgrade"
            ),
            open_it(),
        ):
            pytest.fail("a missing store was opened")
    assert list(tmp_path.iterdir()) == []
    bare.close()


def test_upgrade_makes_a_store_and_does_nothing_the_second_time(bare: Store) -> None:
    assert bare.upgrade().state == "ok"
    synced(bare, odds=300)
    added(bare, seen("odds", T0))
    assert bare.upgrade().current == HEAD
    with bare.read() as uow:
        assert uow.observations.last_slot() == T0
    assert bare.size_bytes() > 4096
    bare.close()


def test_two_programs_that_start_at_once_upgrade_once(bare: Store) -> None:
    twin = Store(bare._url.render_as_string(hide_password=False))
    start, states = threading.Barrier(2), []

    def begin(store: Store) -> None:
        start.wait()
        states.append(store.upgrade().state)
        store.close()

    threads = [threading.Thread(target=begin, args=(store,)) for store in (bare, twin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == ["ok", "ok"]


def test_a_new_file_that_another_program_is_writing_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "busta.db"
    twin = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    twin.execute("BEGIN EXCLUSIVE")
    done = threading.Timer(0.3, lambda: twin.execute("COMMIT"))
    done.start()
    with Store(f"sqlite:///{path}") as store:
        assert store.upgrade().state == "ok"
    done.join()
    twin.close()


def test_a_reader_cannot_write_by_mistake(store: Store) -> None:
    def wrong() -> None:
        with store.read() as uow:
            uow.meta.put("tick", 1)

    with pytest.raises((StoreUnavailable, InternalError), match=r"readonly|read-only"):
        wrong()
    with store.write() as uow:
        assert uow.meta.get("tick") is None


def _newer_than_0002() -> list[str]:
    """The tables of all later revisions, those that lean on others first."""
    from busta_health_dagster.store.schema import alerting, metadata, observing

    first = {
        table.name for module in (observing, alerting) for table in vars(module).values() if isinstance(table, Table)
    }
    older = first - {"silence"}  # of 0011
    return [table.name for table in reversed(metadata.sorted_tables) if table.name not in older]


def test_an_older_store_asks_for_the_upgrade_and_keeps_its_rows(bare: Store) -> None:
    bare.upgrade()
    synced(bare, odds=300)
    with bare.write() as uow:
        for table in _newer_than_0002():
            uow.connection.execute(text(f"DROP TABLE {table}"))
        uow.connection.execute(text("ALTER TABLE source_state DROP COLUMN data_of"))  # of 0010
        uow.connection.execute(text("ALTER TABLE source_state DROP COLUMN metrics"))  # of 0008
        for column in ("version", "version_at"):  # of 0007
            uow.connection.execute(text(f"ALTER TABLE reported DROP COLUMN {column}"))
        uow.connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0002'"))
    older = Store(bare._url.render_as_string(hide_password=False))
    assert older.status().state == "old"
    with pytest.raises(StoreMissing, match=rf"has schema 0002, this program needs {HEAD}.*busta db upgrade"):
        older.check()
    older.upgrade()
    with older.read() as uow:
        assert [s.name for s in uow.sources.all()] == ["odds"]
        assert uow.access.tokens() == []
    older.close()
    bare.close()


def test_a_newer_store_is_left_alone(bare: Store) -> None:
    bare.upgrade()
    with bare.write() as uow:
        uow.connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'"))
    newer = Store(bare._url.render_as_string(hide_password=False))
    for act in (newer.check, newer.upgrade):
        with pytest.raises(StoreTooNew, match=rf"schema 0999, written by a newer busta.*up to {HEAD}.*leaves it alone"):
            act()
    newer.close()
    bare.close()


def test_an_address_that_cannot_be_a_store_is_refused_with_what_can(tmp_path: Path) -> None:
    for url, why in {
        "busta.db": "not a database URL",
        "mysql://db/busta": "a kind that busta does not speak",
        "sqlite://": "would live in memory",
        "sqlite:///:memory:": "would live in memory",
        "postgresql+asyncpg://db/busta": "only psycopg2 is used",
    }.items():
        with pytest.raises(BadInput, match=rf"{why}.*Write sqlite:////absolute/path/busta.db or postgresql://"):
            Store(url)
    assert parse_url("postgresql://u:p@db/busta").drivername == "postgresql+psycopg2"
    assert parse_url("postgres://u:p@db/busta").drivername == "postgresql+psycopg2"


def test_a_message_never_shows_the_password() -> None:
    store = Store("postgresql://busta:hunter2@127.0.0.1:1/busta")
    assert store.url == "postgresql://busta:***@127.0.0.1:1/busta"
    with pytest.raises(StoreUnavailable, match=r"is not reachable.*Check that the server runs") as caught:
        store.status()
    assert "hunter2" not in str(caught.value)


def test_a_database_that_does_not_exist_is_missing(postgres_url: str) -> None:
    with (
        Store(postgres_url.replace("/t", "/nowhere_t", 1)) as store,
        pytest.raises(StoreMissing, match=r"does not exist.*Create the database, then: busta db upgrade"),
    ):
        store.status()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "busta.db"
    path.write_text("timestamp,source,status\n" * 1000)
    with pytest.raises(StoreUnavailable, match=r"is not a database that can be read.*Restore .* from a backup"):
        Store(f"sqlite:///{path}").status()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match=r"cannot be created.*Check the permissions"):
        Store(f"sqlite:///{tmp_path / 'home' / 'busta.db'}").upgrade()


def test_a_table_that_is_gone_is_a_matter_for_upgrade(store: Store) -> None:
    with store.write() as uow:
        uow.connection.execute(text("DROP TABLE meta"))
    with pytest.raises(StoreMissing, match=r"lacks a table.*busta db upgrade"), store.read() as uow:
        uow.meta.get("tick")


def test_sqlite_keeps_a_write_ahead_log_and_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "busta.db"
    with Store(f"sqlite:///{path}") as store:
        store.upgrade()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    made = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'observation'").fetchone()[0]
    assert "WITHOUT ROWID" in made
    connection.close()
