"""`probe: framework`: the platform's own data source collects; we time it, count, read the age and keep a sample."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from busta_health_dagster.domain.collected import Collected
from busta_health_dagster.domain.errors import BustaError, PluginError
from busta_health_dagster.domain.fields import SecretRef, TextOrSecret
from busta_health_dagster.domain.observation import Phases, ProbeResult, Status
from busta_health_dagster.probes.ages import ColumnAge, DataAge, age_findings, ages_of, cell
from busta_health_dagster.probes.custom_metrics import Payload, WithMetrics, measure
from busta_health_dagster.probes.expect import Expect, check_age, check_items, check_json
from busta_health_dagster.probes.measure import conclude, content_mark, json_safe, sample_of
from busta_health_dagster.probes.port import Failed, Finding, PlatformBridge, ProbeContext, ProbeType
from busta_health_dagster.probes.web_config import refuse_literal_secrets
from busta_health_dagster.wording.durations import milliseconds_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source


def _dotted(path: str) -> str:
    module, colon, name = path.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
        raise ValueError(f"{path!r} is not a dotted path; write package.module:Class")
    return path


DottedPath = Annotated[str, AfterValidator(_dotted)]


class FrameworkConfig(WithMetrics):
    """`source` is one class (or instance); `registry` all that is registered, or with `entry` one of them.

    `arguments` go to the constructor. `validator` is asked for its connection and authentication checks before
    collecting.
    """

    metric_places = ("column", "path")

    source: DottedPath | None = None
    registry: DottedPath | None = None
    entry: str | None = None
    arguments: dict[str, TextOrSecret | int | float | bool] = Field(default_factory=dict)
    validator: DottedPath | None = None
    data_age: ColumnAge | None = None
    expect: Expect = Field(default_factory=Expect)

    @property
    def tells_age(self) -> bool:
        """Can an observation ever say how old the data are?"""
        return self.data_age is not None

    @model_validator(mode="after")
    def _one_way(self) -> FrameworkConfig:
        if (self.source is None) == (self.registry is None):
            raise ValueError("name either source: package.module:Class or registry: package.module:registry")
        if self.entry is not None and self.registry is None:
            raise ValueError("entry picks one of a registry; add registry: package.module:registry")
        refuse_literal_secrets(self.arguments, "argument")
        return self


async def probe(source: Source, config: FrameworkConfig, context: ProbeContext) -> ProbeResult:
    if context.platform is None:
        raise Failed("probe_error", "this application was built without the framework bridge", status=Status.UNKNOWN)
    arguments = {k: context.secret(v) if isinstance(v, SecretRef) else v for k, v in config.arguments.items()}
    return await context.threads.run(source.name, _observe, config, context, context.platform, arguments)


def _observe(
    config: FrameworkConfig, context: ProbeContext, platform: PlatformBridge, arguments: dict[str, Any]
) -> ProbeResult:
    started = time.monotonic()
    try:
        if config.validator is not None:
            _checks(platform.check(config.validator))
        if config.source is not None:
            got = _collect(lambda: platform.collect(config.source or "", arguments))
        elif config.entry is not None:
            got = _collect(lambda: platform.collect_registered(config.registry or "", config.entry or "", arguments))
        else:
            return _whole_registry(config, context, platform, arguments, started)
    except PluginError as error:
        raise Failed("dependency", str(error), status=Status.UNKNOWN) from error
    return _evaluate(config, context, got, (time.monotonic() - started) * 1000)


def _checks(checks: Any) -> None:
    for name, reason in (("connection", "connect"), ("authentication", "authentication")):
        if checks.get(name) is False:
            raise Failed(reason, f"the platform's {name} check failed")


def _collect(collect: Any) -> Collected:
    try:
        found: Collected = collect()
    except (BustaError, Failed):
        raise
    except Exception as error:
        text = str(error).splitlines()[0][:160] if str(error) else ""
        raise Failed("collect", f"collect() raised {type(error).__name__}{': ' + text if text else ''}") from error
    return found


def _whole_registry(
    config: FrameworkConfig, context: ProbeContext, platform: PlatformBridge, arguments: dict[str, Any], started: float
) -> ProbeResult:
    """Every registered source in turn: down when any fails, and the facts say which."""
    names = list(platform.registered(config.registry or ""))
    members: dict[str, Any] = {}
    findings: list[Finding] = []
    rows: list[Any] = []
    for name in names:
        try:
            got = _collect(lambda name=name: platform.collect_registered(config.registry or "", name, arguments))
        except (PluginError, Failed) as error:
            why = error.result.detail if isinstance(error, Failed) else str(error)
            members[name] = why
            findings.append(Finding("error", "collect", f"{name}: {why}"))
            continue
        members[name] = len(got.rows)
        rows += [{"source": name, **row} if isinstance(row, dict) else row for row in got.rows]
    if not names:
        findings.append(
            Finding("error", "assertion", "the registry is empty; import the modules that register sources in it")
        )
    collected = Collected(rows, f"{len(names) - len(findings)} of {len(names)} sources", {"members": members})
    return _evaluate(config, context, collected, (time.monotonic() - started) * 1000, findings)


def _evaluate(
    config: FrameworkConfig, context: ProbeContext, got: Collected, took: float, findings: list[Finding] | None = None
) -> ProbeResult:
    findings = list(findings or ())
    items = len(got.rows)
    facts: dict[str, Any] = {
        "content": content_mark(json.dumps(json_safe(list(got.rows)), sort_keys=True).encode()),
        **got.facts,
    }
    findings += check_items(config.expect, items)
    if config.expect.json_:
        findings += check_json(config.expect, json_safe(list(got.rows)))
    age_s = None
    if config.data_age is not None:
        spec = DataAge(**config.data_age.model_dump())
        times = (cell(row, spec.column or "") for row in got.rows)
        ages = ages_of(times, spec, context.now)
        found = ages.found()
        age_s = found.age_s
        findings += age_findings(found, f"column {spec.column}", items)
        facts |= ages.facts()
    findings += check_age(config.expect, age_s)
    rows = list(got.rows) if config.metrics else []
    metrics = measure(config.custom_metrics, Payload(context.now, rows, rows, items=items))
    findings += metrics.findings
    return conclude(
        findings,
        f"{got.name}: {plural(items, 'item')}, in {milliseconds_text(took)}",
        response_ms=took,
        phases=Phases(first_byte=took),
        items=items,
        data_age_s=age_s,
        metrics=metrics.values,
        facts=facts,
        sample=sample_of(got.rows, context.limits, at=context.now),
    )


FRAMEWORK = ProbeType("framework", FrameworkConfig, probe, concurrency=4)
