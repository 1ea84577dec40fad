"""`probe: sql`: one reading statement against any database that SQLAlchemy speaks to, in a session that cannot write,
within the deadline.

Postgres is asked through psycopg 3, every statement prepared: the extended protocol takes one statement and refuses a
second one behind it, whatever the gate before made of its quotes. The store has its own driver (psycopg2).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from busta_health_dagster.domain.fields import SecretRef, Strict, TextOrSecret
from busta_health_dagster.domain.observation import Phases, ProbeResult, Status
from busta_health_dagster.domain.sql_statement import dialect_of, only_reads
from busta_health_dagster.probes.ages import Ages, ColumnAge, DataAge, Zone, age_findings, ages_of
from busta_health_dagster.probes.custom_metrics import Payload, WithMetrics, measure
from busta_health_dagster.probes.dates import WithDates, fill
from busta_health_dagster.probes.expect import Expect, check_age, check_items, check_json
from busta_health_dagster.probes.measure import conclude, content_mark, json_safe, sample_of
from busta_health_dagster.probes.port import Failed, ProbeContext, ProbeType
from busta_health_dagster.probes.sql_connection import POOLER, connect, driver_text, engine_for, place
from busta_health_dagster.probes.sql_newest import newest_statement
from busta_health_dagster.wording.durations import milliseconds_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from busta_health_dagster.domain.source import Source

_LOG = logging.getLogger(__name__)
_LOCAL = ("sqlite", "duckdb")


def _no_password(url: TextOrSecret) -> TextOrSecret:
    if isinstance(url, str):
        if "://" not in url:
            raise ValueError(
                f"{url!r} is not a database URL; write sqlite:///data/features.db or {{env: WAREHOUSE_URL}}"
            )
        if urlsplit(url).password:
            raise ValueError("a literal password in the URL; write url: {env: NAME}")
    return url


class Column(Strict):
    """The number stands in the first row: `select count(*) as n ...` with `items: {column: n}`."""

    column: str


class SqlConfig(WithMetrics):
    """`items: rows` counts what is fetched, up to `max_rows`; a table's true count is a query of its own."""

    metric_places = ("column",)

    url: Annotated[TextOrSecret, AfterValidator(_no_password)]
    query: Annotated[str, WithDates]
    zone: Zone = "UTC"
    items: Literal["rows"] | Column = "rows"
    data_age: ColumnAge | None = None
    expect: Expect = Field(default_factory=Expect)
    max_rows: int = Field(default=10_000, ge=1, le=1_000_000)

    @field_validator("query")
    @classmethod
    def _one_that_reads(cls, query: str, info: ValidationInfo) -> str:
        url = info.data.get("url")
        return only_reads(query, dialect_of(url) if isinstance(url, str) else None)

    @property
    def tells_age(self) -> bool:
        """Can an observation ever say how old the data are?"""
        return self.data_age is not None


async def probe(source: Source, config: SqlConfig, context: ProbeContext) -> ProbeResult:
    config = config.model_copy(update={"query": fill(config.query, context.now, config.zone)})
    url = context.secret(config.url) if isinstance(config.url, SecretRef) else config.url
    return await context.threads.run(source.name, _observe, config, context, url, time.monotonic() + source.timeout_s)


def _observe(config: SqlConfig, context: ProbeContext, url: str, ends: float) -> ProbeResult:
    if isinstance(config.url, SecretRef):  # at load no one knew which database it goes to
        try:
            only_reads(config.query, dialect_of(url))
        except ValueError as error:
            raise Failed("probe_error", str(error), status=Status.UNKNOWN) from error
    engine = engine_for(url, ends)  # imports the driver: our time, not the database's
    started = time.monotonic()
    try:
        try:
            connection = connect(engine)
        except Failed as failed:
            if POOLER not in failed.result.detail:
                raise
            engine = engine_for(
                url, ends, session=False
            )  # a pooler in front; its transaction is read-only all the same
            connection = connect(engine)
        try:
            connected = time.monotonic()
            columns, rows = _query(connection, config, ends)
            newest = _newest(connection, config, context.now, columns, rows)
        finally:
            connection.close()
    finally:
        engine.dispose()
    ended = time.monotonic()
    return _evaluate(
        config,
        context,
        columns,
        rows,
        newest,
        Phases(
            connect=(connected - started) * 1000,
            first_byte=(ended - connected) * 1000,
        ),
    )


def _query(connection: Connection, config: SqlConfig, ends: float) -> tuple[list[str], list[Any]]:
    import sqlalchemy as sa

    left_ms = max(1, int((ends - time.monotonic()) * 1000))
    backend = connection.dialect.name
    try:
        if backend == "postgresql":
            connection = connection.execution_options(postgresql_readonly=True)
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {left_ms}")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {left_ms}")
        elif backend == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.set_progress_handler(lambda: int(time.monotonic() > ends), 10_000)
        elif backend in ("mysql", "mariadb"):
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        query = _percents(connection, config.query)
        if connection.dialect.driver == "psycopg" and not query.lower().startswith("show"):
            # Our own cursor: only what is wanted leaves the server, and only what reads can be declared one.
            connection.exec_driver_sql(f"DECLARE busta_look NO SCROLL CURSOR FOR {query}")
            query = f"FETCH FORWARD {config.max_rows + 1} FROM busta_look"
        streamed = connection.execution_options(stream_results=backend not in ("sqlite", "postgresql"))
        result = streamed.exec_driver_sql(query)
        return list(result.keys()), list(result.fetchmany(config.max_rows + 1))
    except sa.exc.ResourceClosedError as error:
        raise Failed("query", "the statement returns no rows; write a select") from error
    except sa.exc.DBAPIError as error:
        if time.monotonic() >= ends - 0.05:
            raise Failed("timeout", f"{place(connection.engine)}: the query did not end in time") from error
        raise Failed("query", f"{place(connection.engine)}: {driver_text(error)}") from error


def _newest(connection: Connection, config: SqlConfig, now: float, columns: list[str], rows: list[Any]) -> list[Any]:
    """What the database says of the times of all rows, when there are more than are fetched; nothing when it cannot."""
    import sqlalchemy as sa

    spec = config.data_age
    if spec is None or len(rows) <= config.max_rows or spec.column not in columns:
        return []
    at = columns.index(spec.column)
    example = next((row[at] for row in rows if row[at] is not None), None)
    quoted = connection.dialect.identifier_preparer.quote(spec.column)
    statement = newest_statement(config.query, quoted, example, spec, Ages(DataAge(**spec.model_dump()), now))
    if statement is None:
        return []
    try:
        value = connection.exec_driver_sql(_percents(connection, statement)).scalar()
    except sa.exc.DBAPIError as error:
        _LOG.info("%s: the age is that of the first rows: %s", place(connection.engine), driver_text(error))
        return []
    return [] if value is None else [value]


def _percents(connection: Connection, query: str) -> str:
    return query.replace("%", "%%") if connection.dialect.paramstyle in ("format", "pyformat") else query


def _evaluate(
    config: SqlConfig,
    context: ProbeContext,
    columns: list[str],
    rows: list[Any],
    newest: list[Any],
    phases: Phases,
) -> ProbeResult:
    capped = len(rows) > config.max_rows
    records = [dict(zip(columns, row, strict=True)) for row in rows[: config.max_rows]]
    wanted = [spec.column for spec in (config.items, config.data_age) if isinstance(spec, Column | ColumnAge)]
    wanted += [metric.column for metric in config.custom_metrics if metric.column is not None]
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        raise Failed(
            "query", f"the query has no column {', '.join(unknown)}; it has {', '.join(columns)}", status=Status.UNKNOWN
        )
    took = (phases.connect or 0.0) + (phases.first_byte or 0.0)
    items: int | None = len(records)
    if isinstance(config.items, Column):
        first = records[0][config.items.column] if records else 0
        items = int(first) if isinstance(first, int | float) or str(first).isdigit() else None
    facts: dict[str, Any] = {"columns": columns[:50], "content": content_mark(repr(rows).encode())}
    if capped:
        facts["rows_capped"] = config.max_rows
        if config.data_age is not None and not newest:
            facts["age_of_first_rows"] = config.max_rows
    findings = check_items(config.expect, items)
    if config.expect.json_:
        findings += check_json(config.expect, json_safe(records))
    age_s = None
    if config.data_age is not None:
        spec = DataAge(**config.data_age.model_dump())
        times = newest or [record[spec.column or ""] for record in records]
        ages = ages_of(times, spec, context.now)
        found = ages.found()
        age_s = found.age_s
        findings += age_findings(found, f"column {spec.column}", items)
        facts |= ages.facts()
    findings += check_age(config.expect, age_s)
    metrics = measure(config.custom_metrics, Payload(context.now, rows=records, items=items))
    findings += metrics.findings
    more = " or more" if capped and config.items == "rows" else ""
    return conclude(
        findings,
        f"{items}{more} row{'s' if items != 1 else ''}, in {milliseconds_text(took)}",
        response_ms=took,
        phases=phases,
        items=items,
        data_age_s=age_s,
        metrics=metrics.values,
        sample=sample_of(records, context.limits, at=context.now),
        facts=facts,
    )


def _host(config: SqlConfig) -> str | None:
    return str(config.url) if isinstance(config.url, SecretRef) else urlsplit(config.url).hostname


def _remote(config: SqlConfig) -> bool:
    return not (isinstance(config.url, str) and config.url.startswith(_LOCAL))


SQL = ProbeType("sql", SqlConfig, probe, host=_host, concurrency=10, concurrency_per_host=5, remote=_remote)
