"""Validate inside the database: GX counts with SQL, no row leaves it. For sources that are a database already.

The connection is read-only where the database can promise it (Postgres: read-only transactions and a statement
timeout; SQLite: mode=ro), and GX's temporary tables are off. Ages are computed by the database, against the caller's
clock and not its own: a replay, a test and a skewed database server would otherwise score the wrong moment. Other
derived columns and our own expectations need rows: write them into the query, or score a sample.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quality import no_data
from busta_health_dagster.domain.sql_statement import dialect_of
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.quality.runner import (
    Validation,
    _Slot,
    _to_result,
    build_gx_suite,
    ephemeral_context,
    other_table,
    unique_name,
)
from busta_health_dagster.quality.sql_checks import failure, results

if TYPE_CHECKING:
    from datetime import datetime

    from busta_health_dagster.domain.quality import CheckResult
    from busta_health_dagster.quality.suite import Suite

_COUNTS = {"result_format": "BASIC", "partial_unexpected_count": 0}
_OURS = (
    "number_between",
    "known_or_recurring",
    "dominant",
    "american_odds",
    "to_be_odds",
    "decimal_odds",
    "to_be_timestamp",
    "follow_dependency",
)


class SqlRunner:
    """One per process, thread-safe: one GX data source per monitored source."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._timeout_s = timeout_s

    def validate(self, source: str, suite: Suite, url: str, query: str, now: datetime) -> Validation:
        """Score what `query` (one select) returns at SQLAlchemy `url`, without moving its rows; ages count up to `now`.

        An unreachable database or a broken query is NO_DATA with the reason (the URL's password is never in it).
        """
        import sqlalchemy as sa

        url, query = read_only_url(url), query.strip().rstrip(";")
        try:
            columns, rows, own = self._peek(url, query, suite)
        except sa.exc.SQLAlchemyError as error:
            return Validation(suite.name, no_data(failure(error)), None)
        if rows == 0:
            return Validation(suite.name, score((), rows=0), None)
        aged, ages = with_ages(query, url, suite, columns, now)
        columns |= ages
        theirs = suite.on_rows
        found: dict[str, Any] = {}
        if theirs.checks:
            slot = self._slot(source, url, query)
            with slot.lock:
                # One asset per source for good (a new one leaks 0.25 MB); only its text moves with the clock.
                slot.batch_definition.data_asset.query = aged
                found = self._run(slot, source, theirs, columns)
        evaluated = []
        for spec in suite.checks:
            if spec.id in own:
                evaluated.append(own[spec.id])
            elif any(word in spec.type for word in _OURS):
                evaluated.append(
                    spec.result(0, 0, f"{spec.type} runs on rows, not in a database; use GX's own expectation")
                )
            else:
                evaluated.append(_to_result(spec, found.get(spec.id), columns, suite))
        verdict = score(evaluated, rows=rows, total_rows=rows)
        if (stranger := other_table(theirs, columns)) is not None:
            verdict = replace(verdict, notes=(*verdict.notes, stranger))
        return Validation(suite.name, verdict, None)

    def _run(self, slot: _Slot, source: str, suite: Suite, columns: set[str]) -> dict[str, Any]:
        import great_expectations as gx

        if slot.fingerprint != suite.fingerprint:
            slot.suite, slot.fingerprint = build_gx_suite(source, suite), suite.fingerprint
        wanted = {c.id for c in suite.checks if set(c.columns) <= columns and not any(w in c.type for w in _OURS)}
        chosen = [e for e in slot.suite.expectations if e.meta["id"] in wanted]
        if not chosen:
            return {}
        outcome = slot.batch_definition.get_batch().validate(
            gx.ExpectationSuite(name=source, expectations=chosen), result_format=_COUNTS
        )
        return {r.expectation_config.meta["id"]: r for r in outcome.results}

    def run_sql_checks(self, suite: Suite, url: str, query: str) -> tuple[CheckResult, ...]:
        """Only the suite's own queries, for a source whose other checks need rows."""
        import sqlalchemy as sa

        url, query = read_only_url(url), query.strip().rstrip(";")
        try:
            _, rows, own = self._peek(url, query, suite)
        except sa.exc.SQLAlchemyError as error:
            return tuple(check.result(0, 0, failure(error)) for check in suite.sql_checks)
        return tuple(own[check.id] if rows else check.result(0, 0) for check in suite.sql_checks)

    def _peek(self, url: str, query: str, suite: Suite) -> tuple[set[str], int, dict[str, CheckResult]]:
        """The columns and rows of the query, and what the suite's own queries find."""
        import sqlalchemy as sa

        engine = sa.create_engine(
            url, poolclass=sa.pool.NullPool, connect_args=read_only_arguments(url, self._timeout_s)
        )
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            if connection.dialect.name == "sqlite" and raw is not None:  # it has no timeout for a statement of its own
                ends = time.monotonic() + self._timeout_s
                raw.set_progress_handler(lambda: int(time.monotonic() > ends), 10_000)
            if connection.dialect.name in ("mysql", "mariadb"):
                connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            names = set(connection.execute(sa.text(f"select * from ({query}) as q limit 0")).keys())  # noqa: S608
            rows = int(connection.execute(sa.text(f"select count(*) from ({query}) as q")).scalar_one())  # noqa: S608
            own = results(connection, suite.sql_checks if rows else (), query, dialect_of(url), rows)
        return names, rows, {result.id: result for result in own}

    def _slot(self, source: str, url: str, query: str) -> _Slot:
        with self._lock:
            key = (source, url)
            if key not in self._slots:
                data = _add_source(unique_name(source), url, self._timeout_s)
                batch = data.add_query_asset("rows", query).add_batch_definition_whole_table("all")
                _ask_for_names_alone(data, batch)
                self._slots[key] = _Slot(threading.Lock(), batch)
            return self._slots[key]


def _ask_for_names_alone(data: Any, batch: Any) -> None:
    """GX reads the names of the columns off the query as it is, and drivers bring a result whole: without its rows."""
    import sqlalchemy as sa

    def asked(_connection: Any, clause: Any, several: Any, one: Any, _options: Any) -> tuple[Any, Any, Any]:
        if isinstance(clause, sa.TextClause) and clause.text == batch.data_asset.query:
            clause = sa.text(f"select * from ({clause.text}) as q limit 0")  # noqa: S608
        return clause, several, one

    sa.event.listen(data.get_execution_engine().engine, "before_execute", asked, retval=True)


def _add_source(name: str, url: str, timeout_s: float) -> Any:
    """GX's data source on this database.

    GX evaluates a Postgres URL by rules of its own: no unix socket, no `$` in a password. So it gets a URL without
    anything in it, and the driver gets the rest as arguments.
    """
    import sqlalchemy as sa

    sources = ephemeral_context().data_sources
    parsed = sa.make_url(url)
    arguments = read_only_arguments(url, timeout_s)
    options: dict[str, Any] = {"create_temp_table": False, "kwargs": {"connect_args": arguments}}
    match parsed.get_backend_name():
        case "postgresql":
            # Empty is "not given" to libpq, which then looks where it always does (.pgpass, the peer's name).
            arguments |= {"user": "", "password": "", **parsed.get_dialect()().create_connect_args(parsed)[1]}
            return sources.add_postgres(name, connection_string="postgresql://user@database/name", **options)
        case "sqlite":
            return sources.add_sqlite(name, connection_string=url, **options)
        case _:
            return sources.add_sql(name, connection_string=url, **options)


def obstacle(suite: Suite) -> str | None:
    """Why this suite needs rows; None when a database can count all of it."""
    ours = sorted({c.type for c in suite.checks if any(word in c.type for word in _OURS)})
    if ours:
        return f"{ours[0]} runs on rows only"
    derived = [d for d in suite.derivations if d.kind != "age_seconds" or d.args.keys() & {"unit", "where", "unless"}]
    if derived:
        return f"the derived column {derived[0].column} ({derived[0].kind}) is computed on rows only"
    return None if suite.layout.plain else "rows, unnest, pivot, rename, optional and nulls work on rows only"


def read_only_url(url: str) -> str:
    """A SQLite file opened read-only: an ordinary connection would create the file that it does not find."""
    from pathlib import Path
    from urllib.parse import quote

    import sqlalchemy as sa

    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database.startswith((":", "file:")):
        return url
    query = {**parsed.query, "mode": "ro", "uri": "true"}
    opened = parsed.set(database=f"file:{quote(str(Path(parsed.database).absolute()))}", query=query)
    return opened.render_as_string(hide_password=False)


def with_ages(query: str, url: str, suite: Suite, columns: set[str], now: datetime) -> tuple[str, set[str]]:
    """The query with the suite's `age_seconds` columns: seconds from their column to `now` (Postgres and SQLite).

    A timestamp without a zone is read as UTC, as it is in rows.
    """
    template = {
        "postgresql": "({now} - extract(epoch from {column}))",
        "sqlite": "({now} - (julianday({column}) - 2440587.5) * 86400.0)",  # the Julian day of 1970-01-01T00:00Z
    }.get(_dialect(url))
    ages = [
        d for d in suite.derivations if d.kind == "age_seconds" and "unit" not in d.args and d.args["from"] in columns
    ]
    if template is None or not ages:
        return query, set()
    at = f"{now.timestamp():.3f}"
    added = ", ".join(f"{template.format(now=at, column=_quoted(d.args['from']))} as {_quoted(d.column)}" for d in ages)
    # The operator's own query; the names we add are quoted.
    return f"select q0.*, {added} from ({query}) as q0", {d.column for d in ages}  # noqa: S608


def _dialect(url: str) -> str:
    return url.split(":", 1)[0].split("+", 1)[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def read_only_arguments(url: str, timeout_s: float) -> dict[str, Any]:
    """Driver arguments that keep a validation from writing and from running for ever."""
    if url.startswith("postgresql"):
        return {"options": f"-c default_transaction_read_only=on -c statement_timeout={int(timeout_s * 1000)}"}
    return {"timeout": timeout_s} if url.startswith("sqlite") else {}
