"""A whole store into another: from SQLite to Postgres, back, into a backup's file and out of it.

Rows go over table by table in the order of their keys, a batch to a transaction, so that an interrupted copy is taken up
again. While it is unfinished no monitor can open it; at the end each table is read back and compared with the original.
Where both are SQLite and the new file does not exist yet, SQLite writes it itself, page by page.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, column, delete, func, select, table, text, tuple_, update

from busta_health_dagster.domain.errors import BadInput, StoreError, StoreUnavailable
from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.versions import HEAD, UNFINISHED, VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Row, Table
    from sqlalchemy.engine import Connection

    from busta_health_dagster.store.database import Store

_BATCH = 2_000
_VERSION = table(VERSION_TABLE, column("version_num"))


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table as it stands in the copy. `digest` is the SHA-256 of its rows in the order of their keys."""

    name: str
    rows: int
    digest: str


def copy_store(source: Store, target: Store, advance: Callable[[int, int | None], None]) -> list[CopiedTable]:
    """Bring everything of `source`, as of one instant, into `target`, which is missing, empty or unfinished.

    `advance` is called with the rows that are over and all rows.

    Raises:
        BadInput: both are one store, `target` has rows of its own, or a row cannot be held there.
        StoreError: one of them cannot be used, or what arrived is not what was sent.
    """
    source.check()
    if source.url == target.url:
        raise BadInput(f"{source.url} is the store itself. Name another one.")
    if source.is_sqlite and target.is_sqlite and not target.sqlite_path.exists():
        return _written_by_sqlite(source, target)
    with source.read() as there:
        _prepare(there.connection, target)
        _fill(there.connection, target, advance)
        with target.filling() as here:
            _carry_counts_of_keys(there.connection, here)
            copied = [_compared(there.connection, here, each, target.url) for each in metadata.sorted_tables]
            here.execute(update(_VERSION).values(version_num=HEAD))
    return copied


def _written_by_sqlite(source: Store, target: Store) -> list[CopiedTable]:
    path = target.sqlite_path
    part = path.with_name(path.name + ".part")
    _new_private_file(part)
    try:
        with source.outside_transactions() as connection:
            connection.execute(text("VACUUM INTO :path"), {"path": str(part)})
    except StoreError as error:  # it names the store that is read, and most often it is the copy that has no room
        part.unlink(missing_ok=True)
        raise StoreUnavailable(
            f"The copy to {path} broke off: {error} Is there room for it in {path.parent}? Nothing of it is left."
        ) from error
    part.replace(path)
    target.upgrade()  # with a journal of its own, as a store that was made here
    with target.read() as uow:
        if (found := uow.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()) != "ok":
            raise StoreUnavailable(f"The copy at {target.url} is damaged ({found}). Delete it and try another disk.")
        return [_digest(uow.connection, each) for each in metadata.sorted_tables]


def _new_private_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written: {error.strerror}. Name a file in a folder that you may write."
        ) from error


def _prepare(there: Connection, target: Store) -> None:
    """The target has our tables and the mark of an unfinished copy, and holds nothing that the source does not."""
    resumed = target.status().state == "unfinished"
    if not resumed:
        target.upgrade()
    with target.filling() as here:
        rows = {each.name: count for each in metadata.sorted_tables if (count := _count(here, each))}
        if rows and not resumed:
            largest = max(rows, key=lambda name: rows[name])
            raise BadInput(
                f"The store at {target.url} is in use: it has {sum(rows.values()):,} rows, most of them in {largest}. "
                "Nothing was written. Copy into an empty database, or move that one away first."
            )
        here.execute(update(_VERSION).values(version_num=UNFINISHED))
        if not all(_is_beginning(there, here, each) for each in metadata.sorted_tables):  # the source went on meanwhile
            for each in reversed(metadata.sorted_tables):
                here.execute(delete(each))


def _is_beginning(there: Connection, here: Connection, each: Table) -> bool:
    last = _last(here, each)
    return last is None or _digest(there, each, until=last) == _digest(here, each)


def _fill(there: Connection, target: Store, advance: Callable[[int, int | None], None]) -> None:
    total = sum(_count(there, each) for each in metadata.sorted_tables)
    done = 0
    for each in metadata.sorted_tables:
        with target.filling() as here:
            last = _last(here, each)
            done += _count(here, each)
        for rows in _batches(there, each, after=last):
            with target.filling() as here:
                _insert(here, each, rows, target.url)
            done += len(rows)
            advance(done, total)


def _insert(here: Connection, each: Table, rows: Sequence[Row[Any]], url: str) -> None:
    names = [column.name for column in each.columns]
    try:
        here.execute(each.insert(), [dict(zip(names, row, strict=True)) for row in rows])
    except ValueError as error:  # psycopg2: a text with the character NUL, which SQLite holds and Postgres does not
        first, last = (
            [value for name, value in zip(names, row, strict=True) if each.c[name].primary_key]
            for row in (rows[0], rows[-1])
        )
        raise BadInput(
            f"A row of {each.name} between {first} and {last} cannot be held by {url}: {error} "
            "Correct the row in the old store and give the command again."
        ) from error


def _compared(there: Connection, here: Connection, each: Table, url: str) -> CopiedTable:
    sent, arrived = _digest(there, each), _digest(here, each)
    if sent != arrived:
        raise StoreUnavailable(
            f"The copy at {url} differs in {each.name}: {sent.rows:,} rows were sent, {arrived.rows:,} arrived, or their "
            "content is another. It stays unfinished. Does something else write there? Give the command again."
        )
    return arrived


def _digest(connection: Connection, each: Table, until: tuple[Any, ...] | None = None) -> CopiedTable:
    digest, rows = hashlib.sha256(), 0
    for batch in _batches(connection, each, until=until):
        for row in batch:
            digest.update(repr(tuple(row)).encode())
        rows += len(batch)
    return CopiedTable(each.name, rows, digest.hexdigest())


def _batches(
    connection: Connection, each: Table, *, after: tuple[Any, ...] | None = None, until: tuple[Any, ...] | None = None
) -> Iterator[Sequence[Row[Any]]]:
    keys = _ordered(connection, each)
    asked = select(each).order_by(*keys)
    if after is not None:
        asked = asked.where(tuple_(*keys) > after if len(keys) > 1 else keys[0] > after[0])
    if until is not None:
        asked = asked.where(tuple_(*keys) <= until if len(keys) > 1 else keys[0] <= until[0])
    yield from connection.execute(asked.execution_options(yield_per=_BATCH)).partitions()


def _last(connection: Connection, each: Table) -> tuple[Any, ...] | None:
    keys = _ordered(connection, each)
    found = connection.execute(
        select(*each.primary_key.columns).order_by(*(key.desc() for key in keys)).limit(1)
    ).first()
    return None if found is None else tuple(found)


def _ordered(connection: Connection, each: Table) -> list[ColumnElement[Any]]:
    """The columns of the key, in an order that both databases share: bytes, not an alphabet's."""
    postgres = connection.dialect.name == "postgresql"
    return [key.collate("C") if postgres and isinstance(key.type, Text) else key for key in each.primary_key.columns]


def _count(connection: Connection, each: Table) -> int:
    return connection.execute(select(func.count()).select_from(each)).scalar_one()


def _carry_counts_of_keys(there: Connection, here: Connection) -> None:
    """A number that was given once (alert 61, message 7) is not given again, although its row is pruned since."""
    for each in metadata.sorted_tables:
        if "id" not in each.c:
            continue
        highest = max(_highest_given(there, each), there.execute(select(func.max(each.c.id))).scalar_one() or 0)
        if not highest:
            continue
        if here.dialect.name == "postgresql":
            set_to = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)")
            here.execute(set_to, {"name": each.name, "highest": highest})
        elif each.dialect_options["sqlite"]["autoincrement"]:
            given = {"name": each.name, "highest": highest}
            here.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), given)
            here.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :highest)"), given)


def _highest_given(connection: Connection, each: Table) -> int:
    if connection.dialect.name == "postgresql":
        asked = "SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)"
    else:
        asked = "SELECT seq FROM sqlite_sequence WHERE name = :name"
    return connection.execute(text(asked), {"name": each.name}).scalar() or 0
