"""Checks that are a query of their own: it returns the failing rows, or their count. GX's `unexpected_rows_expectation`, run by
us, because GX fetches every failing row and does not ask whether the query only reads.

`{batch}` stands for the query of the source, so that the same suite serves a table today and a view tomorrow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.sql_statement import only_reads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from sqlalchemy.exc import SQLAlchemyError

    from busta_health_dagster.domain.quality import CheckResult
    from busta_health_dagster.quality.suite import CheckSpec

SQL_CHECK = "unexpected_rows_expectation"
BATCH = "{batch}"
_NAME = "busta_batch"
_WITH = re.compile(r"(with(?:\s+recursive)?)\b", re.IGNORECASE)
_SELECTS = re.compile(r"(?:with|select)\b", re.IGNORECASE)


def reading_query(query: Any, dialect: str | None = None) -> str:
    """The check's query without its closing semicolon. `dialect` None: no source is known yet.

    Raises:
        ValueError: it is no select, holds several statements, or writes; the message says which.
    """
    if not isinstance(query, str) or not query.strip():
        raise ValueError("the query is empty; write a select that returns the failing rows")
    read = only_reads(query.replace(BATCH, _NAME), dialect)
    if not _SELECTS.match(_uncommented(read)):
        raise ValueError("the query of a check is a select (or with ... select), so that its rows can be counted")
    return read


def results(
    connection: Connection, checks: Iterable[CheckSpec], query: str, dialect: str, rows: int
) -> list[CheckResult]:
    """Each check counted by the database over `query`, which has so many rows. One that cannot be run is an error of its own."""
    return [_result(connection, check, query, dialect, rows) for check in checks]


def _result(connection: Connection, check: CheckSpec, query: str, dialect: str, rows: int) -> CheckResult:
    import sqlalchemy as sa

    try:
        asked = statement(reading_query(check.kwargs["unexpected_rows_query"], dialect), query)
        with connection.begin_nested():  # on Postgres an error would spoil the transaction of the checks behind it
            unexpected = _counted(connection, asked, by_rows=check.returns == "rows")
    except ValueError as error:
        return check.result(0, 0, str(error))
    except sa.exc.SQLAlchemyError as error:
        return check.result(0, 0, failure(error))
    # A query over another table may find more rows than the source has.
    return check.result(max(rows, unexpected), unexpected)


def failure(error: SQLAlchemyError) -> str:
    """What the database says, in a sentence."""
    cause = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
    if cause == "interrupted":  # SQLite's word for what its progress handler ended
        return "the query could not be run: it did not end in time; make it cheaper, or give its columns an index"
    return f"the query could not be run: {cause}"


def statement(check_query: str, query: str) -> str:
    """The check's query with the source's own as `busta_batch` before it, where it is asked for."""
    if _NAME not in check_query:
        return check_query
    batch = f"{_NAME} as ({query})"
    bare = _uncommented(check_query)
    own = _WITH.match(bare)
    return f"with {batch} {bare}" if own is None else f"{own[1]} {batch}, {bare[own.end() :]}"


def _uncommented(query: str) -> str:
    """Without the comments and blanks that it begins with."""
    return re.sub(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", "", query, flags=re.DOTALL)


def _counted(connection: Connection, asked: str, *, by_rows: bool) -> int:
    """Raises ValueError where a count was promised and none came."""
    asked = asked.replace("%", "%%") if connection.dialect.paramstyle in ("format", "pyformat") else asked
    if by_rows:
        return int(connection.exec_driver_sql(f"select count(*) from ({asked}) as q").scalar_one())  # noqa: S608  reading_query
    found = connection.exec_driver_sql(asked).fetchmany(2)
    value = found[0][0] if len(found) == 1 and len(found[0]) == 1 else None
    try:
        count = -1 if value is None or isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        count = -1
    if count < 0:
        raise ValueError(
            "the query is to return the count of failing rows: one row with one whole number of 0 or more; leave meta.returns "
            "out where it returns the rows themselves"
        )
    return count
