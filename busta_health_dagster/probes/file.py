"""`probe: file`: a path, a glob (the newest match counts) or an fsspec URL; age, size, rows and a sample.

http(s) URLs go through our own fetch, which checks the connected address. Object stores (s3, gs, az ...) go where their
library says. What dials a host itself (ftp, sftp, a custom endpoint, chained URLs) cannot be checked, and asks for
allow_private:
true.
"""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from busta_health_dagster.domain.fields import SecretRef, TextOrSecret
from busta_health_dagster.domain.observation import Phases, ProbeResult, Status
from busta_health_dagster.probes.ages import (
    Ages,
    ColumnAge,
    DataAge,
    Zone,
    age_findings,
    ages_of,
    to_epoch,
)
from busta_health_dagster.probes.custom_metrics import Payload, WithMetrics, measure
from busta_health_dagster.probes.dates import DatedText, fill
from busta_health_dagster.probes.expect import Expect, check_age, check_items, check_json
from busta_health_dagster.probes.file_opening import Opened, open_local, open_remote
from busta_health_dagster.probes.file_reading import prepare, ragged_rows, read_rows
from busta_health_dagster.probes.impostors import PEEK, Format, format_of, is_page, not_data
from busta_health_dagster.probes.json_path import compiled
from busta_health_dagster.probes.measure import conclude, json_safe, sample_of
from busta_health_dagster.probes.oauth2 import authorized
from busta_health_dagster.probes.port import Failed, Finding, ProbeContext, ProbeType
from busta_health_dagster.probes.unpacking import unpacked
from busta_health_dagster.probes.web_config import WebConfig, WebKeys, refuse_literal_secrets
from busta_health_dagster.probes.web_findings import certificate_findings, rate_limited
from busta_health_dagster.probes.web_request import build_request
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.source import Source

_CLOUD = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory"})
_DIALS = ("endpoint", "host", "proxy", "client_kwargs", "config_kwargs", "url")


_FOR_ALL = frozenset({"proxy"})
"""What defaults may say for every source, although a path of this machine has no use for it."""


class FileConfig(WithMetrics, WebKeys):
    """`items` is `rows`, or the JSON path of the records. Without `data_age` the file's modification time counts."""

    metric_places = ("path", "column")

    path: DatedText = Field(min_length=1)
    zone: Zone = "UTC"
    format: Format | None = None
    items: str = "rows"
    data_age: ColumnAge | None = None
    expect: Expect = Field(default_factory=Expect)
    min_bytes: int = Field(default=0, ge=0)
    max_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    options: dict[str, TextOrSecret | int | bool] = Field(default_factory=dict)

    @field_validator("items")
    @classmethod
    def _rows_or_path(cls, items: str) -> str:
        if items != "rows":
            compiled(items)
        return items

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError as error:
            raise ValueError(f"{encoding!r} is not an encoding; write for instance utf-8 or latin-1") from error
        return encoding

    @model_validator(mode="after")
    def _no_literal_secret(self) -> FileConfig:
        refuse_literal_secrets(self.options, "option")
        if not self.path.startswith(("http://", "https://")):
            web = [key for key in WebKeys.model_fields if key in self.model_fields_set and key not in _FOR_ALL]
            if web:
                raise ValueError(f"{web[0]} belongs to a path that is asked for over http(s); remove it")
        placed = next((name for name, metric in self.metrics.items() if metric.path is not None), None)
        if placed is not None and (self.format or format_of(self.path)) != "json":
            raise ValueError(f"metrics.{placed} has a path, which only a JSON file has; column: NAME")
        if urlsplit(self.path).password:
            raise ValueError("a literal password in the path; put it into options: {password: {env: NAME}}")
        return self


async def probe(source: Source, config: FileConfig, context: ProbeContext) -> ProbeResult:
    config = config.model_copy(update={"path": fill(config.path, context.now, config.zone)})
    scheme = config.path.partition("://")[0].lower() if "://" in config.path else ""
    options = {k: context.secret(v) if isinstance(v, SecretRef) else v for k, v in config.options.items()}
    if scheme in ("http", "https"):
        return await _over_http(source, config, context)
    if scheme not in ("", "file") and not source.allow_private:
        dialled = [name for name in options if any(part in name.lower() for part in _DIALS)]
        if scheme not in _CLOUD or "::" in config.path or dialled:
            what = f"option {dialled[0]}" if dialled else f"{scheme}://"
            text = f"where {what} leads cannot be checked; set allow_private: true on this source if it is meant"
            raise Failed("address_refused", text, status=Status.UNKNOWN)
    return await context.threads.run(source.name, _observe, config, context, scheme, options)


async def _over_http(source: Source, config: FileConfig, context: ProbeContext) -> ProbeResult:
    keys = {name: getattr(config, name) for name in WebKeys.model_fields}
    asked = WebConfig(url=config.path, max_bytes=config.max_bytes, **keys)
    got = await context.http.fetch(await authorized(build_request(asked, source, context), asked, source, context))
    days, findings = certificate_findings(got.tls_not_after, config, context.now)
    if got.status == 429:
        timed = {"response_ms": got.elapsed_ms, "phases": got.phases, "http_status": got.status}
        return rate_limited(got, source, context.now, timed)
    if got.status != 200:
        reason = "missing" if got.status in (404, 410) else "http_status"
        raise Failed(reason, f"{got.answered} {got.status}, 200 wanted", http_status=got.status, phases=got.phases)
    changed = got.headers.get("Last-Modified")
    opened = Opened(
        urlsplit(config.path).path,
        io.BytesIO(got.body),
        len(got.body),
        to_epoch(changed, "rfc2822") if changed else None,
    )
    seen = {
        "response_ms": got.elapsed_ms,
        "phases": got.phases,
        "http_status": got.status,
        "tls_days_left": days,
    }
    return await context.threads.run(source.name, _evaluate, config, context, opened, seen, findings)


def _observe(config: FileConfig, context: ProbeContext, scheme: str, options: dict[str, Any]) -> ProbeResult:
    started = time.monotonic()
    try:
        opened = (
            open_local(config.path.removeprefix("file://"), context.now)
            if scheme in ("", "file")
            else open_remote(config.path, options, context.now)
        )
    except FileNotFoundError as error:
        raise Failed("missing", f"there is no file {config.path}") from error
    except PermissionError as error:
        text = f"no permission to read {config.path}; let the monitor's user read it"
        raise Failed("probe_error", text, status=Status.UNKNOWN) from error
    except OSError as error:
        raise Failed("connect", f"{config.path} cannot be opened: {str(error)[:160]}") from error
    with opened.stream:
        found = time.monotonic()
        seen: dict[str, Any] = {}
        result = _evaluate(config, context, opened, seen)
    ended = time.monotonic()
    phases = Phases(first_byte=(found - started) * 1000, body=(ended - found) * 1000)
    took = (ended - started) * 1000 if result.status is not Status.DOWN else None
    return replace(result, response_ms=took, phases=phases)


def _evaluate(
    config: FileConfig,
    context: ProbeContext,
    opened: Opened,
    seen: dict[str, Any],
    found: Sequence[Finding] = (),
) -> ProbeResult:
    name = opened.name.rsplit("/", 1)[-1]
    kind = config.format or format_of(name)
    facts: dict[str, Any] = {"file": name, "bytes": opened.size}
    if opened.matches > 1:
        facts["matches"] = opened.matches
    modified = ages_of([opened.modified], DataAge(column="modified", format="epoch"), context.now)
    age = modified.found()
    facts |= modified.facts()
    findings: list[Finding] = list(found)
    if opened.size < config.min_bytes:
        findings.append(
            Finding("error", "assertion", f"{name} has {opened.size:,} bytes, at least {config.min_bytes:,} wanted")
        )
    seen = seen | {"size_bytes": opened.size}
    if kind is None:  # bytes without rows: age and size are all there is
        _refuse_impostor(name, opened)
        if config.data_age or config.expect.json_ or config.expect.min_items is not None or config.metrics:
            text = f"the format of {name} is not known; set format: csv, json, jsonl or parquet"
            raise Failed("probe_error", text, status=Status.UNKNOWN)
        findings += check_age(config.expect, age.age_s)
        return conclude(findings, _good(name, None, age.age_s), facts=facts, data_age_s=age.age_s, **seen)
    delimiter = "\t" if config.delimiter == "," and ".tsv" in name.lower() else config.delimiter
    spec = DataAge(**config.data_age.model_dump()) if config.data_age is not None else None
    ages = Ages(spec, context.now) if spec is not None else None
    rows = read_rows(
        unpacked(opened.stream, name),
        kind,
        column=config.data_age.column if config.data_age else None,
        items=config.items,
        cap=config.max_bytes,
        limits=context.limits,
        delimiter=delimiter,
        encoding=config.encoding,
        ages=ages,
        seed=int(context.now),
        keep=tuple(metric.column for metric in config.custom_metrics if metric.column is not None),
    )
    facts |= {"format": kind, **rows.facts}
    if spec is not None and ages is not None:
        age = ages.found()
        findings += age_findings(age, f"column {spec.column}", rows.total)
        facts |= ages.facts()
    findings += rows.findings
    findings += check_items(config.expect, rows.total) + check_age(config.expect, age.age_s)
    if config.expect.json_:
        document = rows.document if rows.document is not None else json_safe(rows.head)
        findings += check_json(config.expect, document)
    findings += ragged_rows(rows)
    metrics = measure(
        config.custom_metrics, Payload(context.now, rows.document, columns=rows.columns, items=rows.total)
    )
    findings += metrics.findings
    return conclude(
        findings,
        _good(name, rows.total, age.age_s),
        facts=facts,
        items=rows.total,
        data_age_s=age.age_s,
        metrics=metrics.values,
        sample=sample_of(rows.sample, context.limits, at=context.now, total=rows.total),
        **seen,
    )


def _refuse_impostor(name: str, opened: Opened) -> None:
    """A page or a pointer in place of a file whose format is not known."""
    head = opened.stream.read(PEEK)
    impostor = not_data(head, None)
    if impostor is None and is_page(head) and not name.lower().endswith((".html", ".htm", ".xhtml")):
        impostor = f"an HTML page in place of {name} (a login or error page?)"
    if impostor is not None:
        raise Failed("payload", impostor)


def _good(name: str, total: int | None, age_s: float | None) -> str:
    counted = f", {plural(total, 'row')}" if total is not None else ""
    return f"{name}{counted}" + (f", {duration_text(age_s)} old" if age_s is not None else "")


FILE = ProbeType(
    "file",
    FileConfig,
    probe,
    concurrency=20,
    remote=lambda config: "://" in config.path,
    prepare=lambda config: prepare(config.format or format_of(config.path)),
)
