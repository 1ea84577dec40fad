"""Connections, and what their errors mean to a person.

SQLite writers begin with BEGIN IMMEDIATE: a deferred BEGIN raised "database is locked" in 10 of 31 crash runs,
because it finds out only in the middle that someone else writes. Readers see one snapshot on either database.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from busta_health_dagster.domain.errors import BadInput, StoreError, StoreFull, StoreMissing, StoreUnavailable
from busta_health_dagster.extras import remedy
from busta_health_dagster.store.room import has_room

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine

_PG_DISK_FULL = "53100"
_PG_NO_TABLE = "42P01"
_PG_NO_DATABASE = "3D000"
_PG_LOCKED = "55P03"
_PG_CANCELLED = "57014"
_STATEMENT_FACTOR = 4
"""A statement may take so many times as long as waiting for a lock: 2 minutes by default."""
_SHAPES = "Write sqlite:////absolute/path/busta.db or postgresql://user:password@host:5432/database."


def parse_url(text: str) -> URL:
    """The URL as SQLAlchemy needs it; `postgresql://` and `postgres://` mean psycopg2.

    Raises:
        BadInput: not a URL, another database, or a SQLite database in memory (every process would see its own).
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadInput(f"The store's address is not a database URL. {_SHAPES}") from None
    backend = url.drivername.split("+")[0]
    if backend == "postgres":
        url = url.set(drivername="postgresql")
        backend = "postgresql"
    if backend == "postgresql":
        if url.drivername not in {"postgresql", "postgresql+psycopg2"}:
            raise BadInput(
                f"The store at {masked(url)} names the driver {url.drivername}; only psycopg2 is used. {_SHAPES}"
            )
        return url.set(drivername="postgresql+psycopg2")
    if backend != "sqlite":
        raise BadInput(f"The store at {masked(url)} is of a kind that busta does not speak ({backend}). {_SHAPES}")
    if not url.database or url.database == ":memory:":
        raise BadInput(f"The store {text!r} would live in memory, where no other process sees it. {_SHAPES}")
    return url


def masked(url: URL) -> str:
    """The URL without its password, for messages."""
    return url.render_as_string(hide_password=True).replace("postgresql+psycopg2://", "postgresql://")


def sqlite_path(url: URL) -> Path:
    return Path(url.database or "").expanduser()


def build(url: URL, *, busy_timeout_s: float) -> Engine:
    """An engine; connects to nothing yet.

    Raises:
        BadInput: the driver is not installed.
    """
    if url.get_backend_name() == "postgresql":
        options = _postgres_options(url, busy_timeout_s)
        try:
            return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=10, connect_args=options)
        except (ImportError, NoSuchModuleError) as missing:
            raise BadInput(
                f"The store at {masked(url)} needs psycopg2, which cannot be imported ({missing}): {remedy('postgres')}"
            ) from missing
    engine = create_engine(url, creator=lambda: _open(url, busy_timeout_s))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_options(url: URL, busy_timeout_s: float) -> dict[str, Any]:
    """No one waits for ever: for a connection, a lock, a statement, or a machine that has gone. What the URL says itself
    comes before these.
    """
    lock, statement = int(busy_timeout_s * 1000), int(busy_timeout_s * 1000 * _STATEMENT_FACTOR)
    given = dict(url.query)
    return {
        "connect_timeout": 5,
        "application_name": "busta",
        "keepalives_idle": 30,
        "tcp_user_timeout": 30_000,
        **given,
        "options": f"-c lock_timeout={lock} -c statement_timeout={statement} {given.get('options', '')}".strip(),
    }


def _open(url: URL, busy_timeout_s: float) -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(str(sqlite_path(url)))}?mode=rw"  # rw, not rwc: only `upgrade` may create the file
    connection = sqlite3.connect(
        address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("busta_outside", False):
        return
    write = options.get("busta_write", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {0 if write else 1}")  # as strict as Postgres' READ ONLY
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what the database raises for reasons outside this program into a StoreError; its own mistakes pass
    unchanged.
    """
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        notified = _explain(url, error)
        if notified is None:
            raise
        raise notified from error


def _explain(url: URL, error: DBAPIError | PoolTimeout) -> StoreError | None:
    name = masked(url)
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(
            f"The store at {name} has no free connection: {error}. Other parts of busta hold all of them."
        )
    cause = error.orig
    text = " ".join(str(cause).split())
    if url.get_backend_name() == "sqlite":
        return _explain_sqlite(name, text, sqlite_path(url))
    code: Any = getattr(cause, "pgcode", None)
    if code == _PG_DISK_FULL:
        return StoreFull(
            f"The store at {name} has no room left: {text}. Free space on the database's disk; busta resumes by itself."
        )
    if code == _PG_LOCKED:
        return StoreUnavailable(
            f"The store at {name} is locked by another writer ({text}). See who holds the lock (pg_stat_activity); nothing "
            "was written, so it is safe to try again."
        )
    if code == _PG_CANCELLED:
        return StoreUnavailable(
            f"The store at {name} did not answer in time ({text}). Its database is overloaded, or someone cancelled the "
            "statement; nothing was written, so it is safe to try again."
        )
    if code == _PG_NO_TABLE:
        return StoreMissing(f"The store at {name} lacks a table ({text}). Bring it up to date with: busta db upgrade")
    if code == _PG_NO_DATABASE or ("does not exist" in text and "database" in text and code is None):
        return StoreMissing(
            f"The store at {name} cannot be opened: {text}. Create the database, then: busta db upgrade"
        )
    if error.connection_invalidated or type(cause).__name__ in {"OperationalError", "InterfaceError", "AdminShutdown"}:
        return StoreUnavailable(
            f"The store at {name} is not reachable: {text}. Check that the server runs and that BUSTA_DATABASE_URL "
            "is right."
        )
    return None


def _explain_sqlite(name: str, text: str, path: Path) -> StoreError | None:
    # Without room for the files beside the database SQLite speaks of an I/O error.
    if "is full" in text or ("disk I/O" in text and not has_room(path.parent)):
        return StoreFull(
            f"The store at {name} has no room left ({text}). Free space on its disk or shorten `retention:`; "
            "busta resumes by itself."
        )
    if "locked" in text or "busy" in text:
        return StoreUnavailable(
            f"The store at {name} is locked by another writer ({text}). See which process holds it open "
            f"(fuser {path}); nothing was written, so it is safe to try again."
        )
    if "no such table" in text:
        return StoreMissing(f"The store at {name} lacks a table ({text}). Bring it up to date with: busta db upgrade")
    if "unable to open" in text or "readonly" in text or "disk I/O" in text:
        return StoreUnavailable(
            f"The store at {name} cannot be used: {text}. Check the permissions of {path} and of its folder."
        )
    if "not a database" in text or "malformed" in text:
        return StoreUnavailable(
            f"The store at {name} is not a database that can be read ({text}). Restore {path} from a backup "
            "or move it away."
        )
    return None
