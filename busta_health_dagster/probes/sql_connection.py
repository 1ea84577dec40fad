"""A read-only connection to a database, with a time limit that the server keeps where it can."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.extras import remedy
from busta_health_dagster.probes.port import Failed

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine


_READ_ONLY = "-c default_transaction_read_only=on"


POOLER = "unsupported startup parameter"
"""What PgBouncer says to options of a session it would share with others."""


_PG_DRIVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"})


def engine_for(url: str, ends: float, *, session: bool = True) -> Engine:
    import sqlalchemy as sa

    try:
        parsed = _driver(sa.make_url(url))
    except sa.exc.ArgumentError as error:
        raise Failed(
            "probe_error", "its URL is not a database URL; write dialect://host/name", status=Status.UNKNOWN
        ) from error
    arguments: dict[str, Any] = {}
    backend = parsed.get_backend_name()
    left = max(1, int(ends - time.monotonic()))
    if backend == "sqlite":
        parsed = _readonly_sqlite(parsed)
        arguments = {"timeout": left}
    elif backend in ("postgresql", "mysql", "mariadb"):
        arguments = {"connect_timeout": max(2, left)}
        if parsed.drivername == "postgresql+psycopg":
            arguments["prepare_threshold"] = 0  # every statement: the simple protocol would take two
            if session:
                arguments["options"] = f"{parsed.query.get('options', '')} {_READ_ONLY}".strip()
    try:
        return sa.create_engine(parsed, poolclass=sa.pool.NullPool, connect_args=arguments, hide_parameters=True)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        how = remedy("postgres") if backend == "postgresql" else "install it beside the monitor"
        text = f"no driver for {parsed.drivername} is installed ({error}); {how}"
        raise Failed("dependency", text, status=Status.UNKNOWN) from error


def _driver(url: URL) -> URL:
    """Postgres by psycopg 3, whichever of psycopg's names the URL has; a driver of another family is left as it is."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in _PG_DRIVERS else url


def _readonly_sqlite(url: Any) -> Any:
    """An ordinary SQLite connection creates the file it does not find: ours would turn a missing table into an empty
    one.
    """
    from pathlib import Path
    from urllib.parse import quote

    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return url
    path = Path(url.database)
    if not path.exists():
        raise Failed("missing", f"there is no database file {path.absolute()}")
    return url.set(database=f"file:{quote(str(path.absolute()))}", query={**url.query, "mode": "ro", "uri": "true"})


def connect(engine: Engine) -> Connection:
    import sqlalchemy as sa

    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        raise Failed("connect", f"{place(engine)}: {driver_text(error)}") from error
    except ImportError as error:
        raise Failed("dependency", f"{error}; install the driver beside the monitor", status=Status.UNKNOWN) from error


def place(engine: Engine) -> str:
    return str(engine.url.host or engine.url.get_backend_name())


def driver_text(error: Any) -> str:
    """The driver's first line; SQLAlchemy's own text would add the statement and a link."""
    lines = str(error.orig).strip().splitlines()
    return lines[0][:200] if lines else type(error.orig).__name__
