"""`probe: http`: any web API or page; status, headers, text and JSON asserted, items counted, age read."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from busta_health_dagster.domain.observation import ProbeResult
from busta_health_dagster.domain.units import EARLIEST, LATEST
from busta_health_dagster.probes.ages import AgeOf, Ages, DataAge, age_findings, ages_of, cell, to_epoch
from busta_health_dagster.probes.bounds import parsed_bytes, refuse_memory, table_bytes
from busta_health_dagster.probes.custom_metrics import Payload, measure
from busta_health_dagster.probes.expect import check_age, check_headers, check_items, check_json, check_text
from busta_health_dagster.probes.http_config import BODILESS, HttpConfig
from busta_health_dagster.probes.impostors import Format, format_of, not_data
from busta_health_dagster.probes.json_path import find
from busta_health_dagster.probes.json_text import as_written, parse_json
from busta_health_dagster.probes.measure import conclude, content_mark, sample_of
from busta_health_dagster.probes.oauth2 import authorized
from busta_health_dagster.probes.port import Finding, ProbeContext, ProbeType
from busta_health_dagster.probes.records import records
from busta_health_dagster.probes.web_config import host_of
from busta_health_dagster.probes.web_findings import certificate_findings, rate_limited
from busta_health_dagster.probes.web_request import build_request
from busta_health_dagster.wording.durations import milliseconds_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Sample
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.fetch import Fetched

_INLINE_BYTES = 256 * 1024  # beyond, parsing would hold the loop for longer than the neighbours' timings can bear
_ALL_ROWS = 2**31
_TYPES: dict[str, Format] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/jsonlines": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}


class _HttpObservation(NamedTuple):
    source: Source
    config: HttpConfig
    context: ProbeContext


async def probe(source: Source, config: HttpConfig, context: ProbeContext) -> ProbeResult:
    got = await context.http.fetch(await authorized(build_request(config, source, context), config, source, context))
    statuses = config.expect.status
    facts: dict[str, Any] = {"bytes": len(got.body), "type": got.headers.get("Content-Type", "").partition(";")[0]}
    if got.hops:
        facts |= {"redirects": got.hops, "final_url": got.shown_url}
    days, findings = certificate_findings(got.tls_not_after, config, context.now)
    seen: dict[str, Any] = {
        "response_ms": got.elapsed_ms,
        "phases": got.phases,
        "http_status": got.status,
        "size_bytes": len(got.body),
        "tls_days_left": days,
    }
    if not statuses.has(got.status):
        if got.status == 429:
            return rate_limited(got, source, context.now, seen | {"facts": facts})
        wanted = ", ".join(str(s) for s in statuses.value)
        sentence = f"{got.answered} {got.status}, {wanted} wanted"
        findings.insert(0, Finding(statuses.severity, "http_status", sentence))
        if statuses.severity == "error":  # an error page fails every other assertion too; that says nothing new
            return conclude(findings, "", facts=facts, **seen)
    if len(got.body) > _INLINE_BYTES:
        return await context.threads.run(
            source.name, _evaluate, _HttpObservation(source, config, context), got, findings, seen, facts
        )
    return _evaluate(_HttpObservation(source, config, context), got, findings, seen, facts)


def _evaluate(
    observation: _HttpObservation, got: Fetched, findings: list[Finding], seen: dict[str, Any], facts: dict[str, Any]
) -> ProbeResult:
    source, config, context = observation
    expect, age = config.expect, config.data_age
    if expect.headers:
        findings += check_headers(expect, got.headers)
    if expect.regex:
        findings += check_text(expect, got.body, got.charset)
    if (impostor := not_data(got.body, config.format or format_of(got.url.path))) is not None:
        findings.append(Finding("error", "payload", impostor))
        return conclude(findings, "", facts=facts, **seen)
    document: Any = None
    wanted = config.items is not None or bool(expect.json_) or (age is not None and age.header is None)
    wanted = wanted or bool(source.event_paths)
    wanted = wanted or any(m.path is not None or m.column is not None for m in config.custom_metrics)
    facts["content"] = content_mark(got.body, got.headers.get("ETag"))
    kind = config.format or _TYPES.get(facts["type"].lower(), "json")
    said = config.format is not None or (kind == "json" and "json" in facts["type"].replace("json-seq", ""))
    if config.format is None and got.status in BODILESS:
        said = False  # a label on a body that cannot be there
    if config.method != "HEAD" and (wanted or said):
        document, problem = _document(config, kind, got, context, findings)
        if problem:
            findings.append(Finding("error", "payload", problem))
            return conclude(findings, "", facts=facts, **seen)
        findings += check_json(expect, document)
    rows = _rows(config, document, findings)
    items = None if rows is None else len(rows)
    findings += check_items(expect, items)
    found = AgeOf(None)
    if age is not None:
        ages, place = _age(age, document, rows, got, context.now)
        found = ages.found()
        findings += age_findings(found, place, items if age.stands_in(config.items) else None)
        facts |= ages.facts()
    findings += check_age(expect, found.age_s)
    times = event_times(source, document)
    metrics = measure(
        config.custom_metrics,
        Payload(
            context.now,
            document,
            rows,
            headers=got.headers,
            text=lambda: got.body.decode(got.charset, "replace"),
            items=items,
            as_written=lambda: as_written(got.body, got.charset) if kind == "json" else None,
        ),
    )
    findings += metrics.findings
    counted = f", {plural(items, 'item')}" if items is not None else ""
    return conclude(
        findings,
        f"answered {got.status} in {milliseconds_text(got.elapsed_ms)}{counted}",
        facts=facts,
        items=items,
        data_age_s=found.age_s,
        metrics=metrics.values,
        event_times=times,
        sample=_sample(
            source, document, rows, context, small=kind == "json" and len(got.body) <= context.limits.sample_bytes
        ),
        **seen,
    )


def event_times(source: Source, document: Any) -> dict[str, tuple[int, ...]] | None:
    """The starts of events, by calendar; one whose list is not there, or holds no time at all, is left out."""
    if not source.event_paths:
        return None
    found = {}
    for calendar, path in source.event_paths:
        listed = records(path, document)
        times = [at for value in listed.rows if (at := to_epoch(value)) is not None]
        if not listed.findings and (times or not listed.rows):
            found[calendar] = tuple(sorted({int(at) for at in times if EARLIEST <= at < LATEST}))
    return found


def _document(
    config: HttpConfig, kind: Format, got: Fetched, context: ProbeContext, findings: list[Finding]
) -> tuple[Any, str | None]:
    """JSON as it is; CSV, JSON lines and Parquet as the list of their rows."""
    if kind == "json":
        refuse_memory(parsed_bytes(got.body), context.limits.memory_bytes)
        return parse_json(got.body, got.charset)
    from busta_health_dagster.probes.file_reading import ragged_rows, read_rows
    from busta_health_dagster.probes.unpacking import unpacked

    if kind == "csv":
        refuse_memory(table_bytes(got.body, config.delimiter), context.limits.memory_bytes)
    headed = kind in {"csv", "parquet"}  # names its columns also where no row comes: without ours it is another table
    rows = read_rows(
        unpacked(io.BytesIO(got.body), ""),
        kind,
        column=config.data_age.column if headed and config.data_age is not None else None,
        keep=tuple(m.column for m in config.custom_metrics if m.column is not None) if headed else (),
        items="rows",
        cap=config.max_bytes or context.limits.max_bytes,
        limits=replace(context.limits, sample_rows=_ALL_ROWS),
        delimiter=config.delimiter,
        encoding=got.charset,
    )
    findings += ragged_rows(rows)
    return rows.head, None


def _rows(config: HttpConfig, document: Any, findings: list[Finding]) -> list[Any] | None:
    if config.items is None:
        return document if isinstance(document, list) else None
    found = records(config.items, document)
    findings += found.findings
    return found.rows


def _age(spec: DataAge, document: Any, rows: list[Any] | None, got: Fetched, now: float) -> tuple[Ages, str]:
    if spec.header is not None:
        return ages_of([got.headers.get(spec.header)], spec, now), f"header {spec.header}"
    if spec.path is not None:
        return ages_of(find(spec.path, document), spec, now), spec.path
    column = spec.column or ""
    return ages_of((cell(row, column) for row in rows or ()), spec, now), f"column {column}"


def _sample(
    source: Source, document: Any, rows: list[Any] | None, context: ProbeContext, *, small: bool
) -> Sample | None:
    """`small`: JSON as it came, below the cap of bytes. Rows of a table may be packed, and hold times and NaN."""
    if document is None:
        return None
    path = source.quality.rows if source.quality is not None else None
    scored = records(path, document).rows if path else rows
    return sample_of(
        [document] if scored is None else scored,
        context.limits,
        at=context.now,
        small=small,
    )


def _prepare(config: HttpConfig) -> None:
    if config.format is not None:
        from busta_health_dagster.probes.file_reading import prepare

        prepare(config.format)


HTTP = ProbeType("http", HttpConfig, probe, host=host_of, concurrency_per_host=5, prepare=_prepare)
