"""The store as a whole: where it is, whether it fits this program, and its transactions."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Self

from sqlalchemy import Select, String, column, select, table, text

from busta_health_dagster.domain.errors import StoreAbsent, StoreMissing, StoreTooNew, StoreUnavailable
from busta_health_dagster.store import engine as engines
from busta_health_dagster.store.unit import UnitOfWork
from busta_health_dagster.store.versions import HEAD, VERSION_TABLE, SchemaStatus, compare

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy.engine import Connection, Engine

_WAL_AGAIN_AFTER_S = 0.05
_CONNECT_AGAIN_AFTER_S = (0.2, 1.0)
_MIGRATION_LOCK = 0x62757374  # "bust"


class Store:
    """A store by its URL. The constructor touches nothing; reading never creates or migrates anything.

    `busy_timeout_s` is how long a SQLite writer waits for another one. Threads may share a Store, processes may not.

    Raises:
        BadInput: the URL is not one of a database that busta speaks.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        self._url = engines.parse_url(url)
        self._busy_timeout_s = busy_timeout_s
        self._checked = False

    @property
    def url(self) -> str:
        """For messages: the password is masked."""
        return engines.masked(self._url)

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @cached_property
    def _engine(self) -> Engine:
        return engines.build(self._url, busy_timeout_s=self._busy_timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. The store may be used again afterwards."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """One consistent snapshot; what others commit meanwhile is not seen.

        Raises:
            StoreError: missing, too old, too new, unreachable.
        """
        self.check()
        with engines.explained(self._url), self._connect(write=False) as connection, connection.begin():
            yield UnitOfWork(connection)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """One transaction: all of it or, if the body raises or a connection breaks, none of it. It is never replayed.

        Raises:
            StoreError: missing, too old, too new, unreachable, locked for longer than the timeout, full.
        """
        self.check()
        with engines.explained(self._url), self._connect(write=True) as connection, connection.begin():
            yield UnitOfWork(connection)

    @contextmanager
    def filling(self) -> Iterator[Connection]:
        """One transaction into a store that `copying` fills; until it is whole, `read` and `write` refuse it.

        Raises:
            StoreError: unreachable, locked for longer than the timeout, full.
        """
        self._checked = False
        with engines.explained(self._url), self._connect(write=True) as connection, connection.begin():
            yield connection

    def status(self) -> SchemaStatus:
        """How the store's schema compares to this program's; creates nothing.

        Raises:
            StoreUnavailable: it cannot be asked.
        """
        if self.is_sqlite and not engines.sqlite_path(self._url).exists():
            return compare(None, self.url)
        with engines.explained(self._url), self._connect(write=False) as connection, connection.begin():
            return compare(self._revision(connection), self.url)

    def check(self) -> None:
        """Raise unless the store's schema is this program's. Asked once; later calls cost nothing.

        Raises:
            StoreMissing: it is older, or a copy that was not finished; StoreAbsent: there is none yet.
            StoreTooNew: it is newer.
            StoreUnavailable: it cannot be asked.
        """
        if self._checked:
            return
        status = self.status()
        if status.state == "new":
            raise StoreTooNew(status.sentence)
        if status.state == "missing":
            raise StoreAbsent(status.sentence)
        if status.state != "ok":
            raise StoreMissing(status.sentence)
        self._checked = True

    def upgrade(self) -> SchemaStatus:
        """Create the store, or bring its schema up to date, in one transaction. Safe to call twice at once.

        Raises:
            StoreTooNew: a newer program wrote it.
            StoreMissing: it is a copy that was not finished.
            StoreError: unreachable, no room, no permission.
        """
        if self.is_sqlite:
            self._create_file()
        with engines.explained(self._url), self._connect(write=True) as connection, connection.begin():
            if not self.is_sqlite:  # another one's migration, and our own, may take as long as they take
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            status = compare(self._revision(connection), self.url)
            if status.state == "new":
                raise StoreTooNew(status.sentence)
            if status.state == "unfinished":
                raise StoreMissing(status.sentence)
            if status.state != "ok":
                from busta_health_dagster.store.migrate import upgrade

                upgrade(connection)
        return compare(HEAD, self.url)

    @property
    def sqlite_path(self) -> Path:
        """The file of a SQLite store."""
        return engines.sqlite_path(self._url)

    @contextmanager
    def outside_transactions(self) -> Iterator[Connection]:
        """A connection for what refuses a transaction (VACUUM). It may take as long as it takes.

        Raises:
            StoreError: unreachable, locked for longer than the timeout, full.
        """
        with engines.explained(self._url), self._engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(busta_outside=True)
                connection.exec_driver_sql("PRAGMA query_only = 0")
            else:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.detach()  # its settings do not come back to the pool
                connection.exec_driver_sql("SET statement_timeout = 0")
            yield connection

    def make_one_file(self) -> None:
        """Fold a SQLite store's write-ahead log into its file, for a file that is carried about; `upgrade` undoes it.

        Raises:
            StoreError: it cannot be used, or someone has it open.
        """
        with self.outside_transactions() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = DELETE")

    def size_bytes(self) -> int:
        """How much room the store takes, its indexes and its write-ahead log included."""
        if self.is_sqlite:
            path = engines.sqlite_path(self._url)
            return sum(p.stat().st_size for p in (path, path.with_name(path.name + "-wal")) if p.exists())
        with engines.explained(self._url), self._connect(write=False) as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    def prune(self, retention: Mapping[str, float], now: int) -> dict[str, int]:
        """Delete what is older than `retention` (table -> seconds, see `retention.KEEPABLE`); -> rows deleted per
        table.

        Works in small transactions, so that a tick never waits long for it.
        """
        from busta_health_dagster.store.pruning import prune
        from busta_health_dagster.store.vacuum import give_room_back

        deleted = prune(self, retention, now)
        give_room_back(self)
        return deleted

    def _create_file(self) -> None:
        import sqlite3

        path = engines.sqlite_path(self._url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # For this user only; SQLite gives the files beside it the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, timeout=self._busy_timeout_s)
            try:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only before the first table
                self._switch_to_wal(connection)
            finally:
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(
                f"The store at {self.url} cannot be created: {error}. Check the permissions of {path.parent} "
                "and the room on its disk."
            ) from error

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        """Wait for a twin that creates the same file: changing the journal mode ignores SQLite's own busy timeout."""
        import sqlite3

        give_up_at = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                    raise
                time.sleep(_WAL_AGAIN_AFTER_S)
            else:
                return

    def _revision(self, connection: Connection) -> str | None:
        if not connection.dialect.has_table(connection, VERSION_TABLE):
            return None
        asked: Select[tuple[str]] = select(column("version_num", String)).select_from(table(VERSION_TABLE))
        return connection.execute(asked).scalar_one_or_none()

    def _connect(self, *, write: bool) -> Connection:
        """A connection, trying again for a moment where the server is away: always safe before a transaction."""
        for pause in (*_CONNECT_AGAIN_AFTER_S, None):
            try:
                with engines.explained(self._url):
                    return self._options(self._engine.connect(), write=write)
            except StoreUnavailable:
                if self.is_sqlite or pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _options(self, connection: Connection, *, write: bool) -> Connection:
        if self.is_sqlite:
            return connection.execution_options(busta_write=write)
        if write:
            return connection.execution_options(isolation_level="READ COMMITTED")
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
