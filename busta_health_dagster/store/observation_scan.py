"""Reading observations of many sources or of few.

The key begins with the slot, because that makes writing a tick cheap. Reading everyone is then a range scan. Reading
few of many sources hops from tick to tick instead: the next slot is one seek, each wanted row another (1 ms for a
source's day among 1,000; the scan takes 90 ms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, bindparam, text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.engine import Connection

_SEEK_COSTS_ROWS = 5
_FILTER_AT_MOST = 500

_TICKS = """
WITH RECURSIVE tick(slot) AS (
    SELECT min(slot) FROM observation WHERE slot >= :since AND slot < :until
    UNION ALL
    SELECT (SELECT min(o.slot) FROM observation o WHERE o.slot > tick.slot AND o.slot < :until)
    FROM tick WHERE tick.slot IS NOT NULL
)
"""


def scan(
    connection: Connection,
    columns: str,
    *,
    ids: Collection[int],
    fleet: int,
    since: int,
    until: int,
    tail: str = "ORDER BY o.slot",
    **values: int | bytes,
) -> Sequence[Any]:
    """Rows of `columns` (SQL over `o`) for these sources in [since, until); `fleet` is how many sources a tick may
    hold.

    With most of the fleet asked for, rows of other sources may come too: the caller looks the id up anyway.
    """
    if not ids:
        return []
    values |= {"since": since, "until": until}
    if (1 + len(ids)) * _SEEK_COSTS_ROWS < fleet:
        join = "FROM tick CROSS JOIN observation o WHERE o.slot = tick.slot AND o.source_id IN :ids"
        return _run(connection, f"{_TICKS} SELECT {columns} {join} {tail}", values, ids)
    sql = f"SELECT {columns} FROM observation o WHERE o.slot >= :since AND o.slot < :until"  # noqa: S608  our own column lists
    if len(ids) > _FILTER_AT_MOST or len(ids) >= fleet:
        return _run(connection, f"{sql} {tail}", values, None)
    return _run(connection, f"{sql} AND o.source_id IN :ids {tail}", values, ids)


def _run(connection: Connection, sql: str, values: dict[str, Any], ids: Collection[int] | None) -> Sequence[Any]:
    asked: Any = text(sql)
    if ids is not None:
        asked = asked.bindparams(bindparam("ids", expanding=True))
        values = {**values, "ids": sorted(ids)}
    if connection.dialect.name == "postgresql" and "o.trace" in sql:
        asked = asked.columns(trace=LargeBinary)  # psycopg2 hands out views, and slicing one copies nothing and is slow
    return connection.execute(asked, values).all()
