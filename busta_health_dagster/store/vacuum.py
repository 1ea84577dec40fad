"""Room that pruned rows leave behind: given back to the disk a little after each pruning, or all of it on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from busta_health_dagster.domain.errors import StoreUnavailable
from busta_health_dagster.store.schema import metadata

if TYPE_CHECKING:
    import sqlite3

    from busta_health_dagster.store.database import Store

_PAGES = 2_000
"""At 4 KiB each, so many are given back in one step: some 60 ms, in which a tick waits."""


def vacuum(store: Store) -> tuple[int, int]:
    """Rewrite the store without its free room; -> its size in bytes before and after.

    On SQLite writers wait meanwhile, and the disk needs room for a second copy; a store that was made before pruning gave
    room back by itself does so from then on. On Postgres no writer waits; the room stays the table's, for its next rows.

    Raises:
        StoreError: it cannot be used, is locked for too long, or the disk is full.
    """
    store.check()
    before = store.size_bytes()
    with store.outside_transactions() as connection:
        if store.is_sqlite:
            connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            for each in metadata.sorted_tables:
                connection.exec_driver_sql(f'VACUUM (ANALYZE) "{each.name}"')
    return before, store.size_bytes()


def give_room_back(store: Store) -> None:
    """Shrink a SQLite file by its free pages, in steps between which others may write. Postgres does so by itself.

    A file that was made without `auto_vacuum` keeps its free pages for new rows until `busta db vacuum`.

    Raises:
        StoreError: it cannot be used, or someone else writes for too long.
    """
    if not store.is_sqlite:
        return
    import sqlite3

    with store.outside_transactions() as connection:
        file = cast("sqlite3.Connection", connection.connection.driver_connection)
        before = None
        while (free := connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()) and free != before:
            try:
                file.executescript(
                    f"PRAGMA incremental_vacuum({_PAGES})"
                )  # `execute` would give back one page and stop
            except sqlite3.Error as error:
                raise StoreUnavailable(
                    f"The store at {store.url} was pruned and keeps the room of the old rows: {error}. The next pruning, or "
                    "`busta db vacuum`, gives it back."
                ) from error
            before = free
