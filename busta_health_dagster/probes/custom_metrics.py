"""`metrics:` of a source: the model, and one number per metric from what a probe has at hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from statistics import fmean, median
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from busta_health_dagster.domain.custom_metric import BUILT_IN, ITEMS, LARGEST, MOST, NAME, Aggregation, CustomMetric
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.patterns import Regex, first_group, pattern
from busta_health_dagster.probes.ages import DataAge, TimeFormat, Zone, ages_of, cell, no_age_text
from busta_health_dagster.probes.json_path import JsonPath, find
from busta_health_dagster.probes.port import Finding
from busta_health_dagster.probes.quota import QuotaFields

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACES = ("path", "header", "column", "regex")
_NUMBERS: dict[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "max": max,
    "mean": fmean,
    "median": median,
    "sum": math.fsum,
}
_REGEX_CHARS = 1024 * 1024


class MetricFields(Strict):
    """One custom metric: a place, and what makes one number of what stands there."""

    path: JsonPath | None = Field(None, description="JSON path into the payload: $[*].bookmakers[*].key")
    header: str | None = Field(None, description="A header of the answer.")
    column: str | None = Field(None, description="A column of the rows.")
    regex: Regex | None = Field(None, description="A pattern whose first group is the number.")
    agg: Aggregation = Field("first", description="What makes one number of the values.")
    per: str | None = Field(None, description="`items`, or a custom metric above this one, to divide by.")
    format: TimeFormat = Field("auto", description="How the times of an age are written.")
    zone: Zone = Field("UTC", description="The zone of times without one.")

    @model_validator(mode="after")
    def _one_place(self) -> MetricFields:
        given = [key for key in _PLACES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                "a metric is read at one place; {path: $[*].price, agg: median}, {header: x-requests-remaining}, "
                "{column: price} or {regex: 'online: ([0-9]+)'}"
            )
        if self.regex is not None and pattern(self.regex).groups == 0:
            raise ValueError(f"{self.regex!r} has no group that holds the number; put it into parentheses")
        return self


def _own_name(name: str) -> str:
    if name in BUILT_IN:
        raise ValueError(f"the name {name!r} is taken by a metric that every source has; {name}_own")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name here: a small letter, then small letters, digits and _")
    return name


def _sound(metrics: dict[str, MetricFields]) -> dict[str, MetricFields]:
    if len(metrics) > MOST:
        raise ValueError(f"{len(metrics)} metrics, {MOST} at most; keep those that a rule or a person looks at")
    before: list[str] = [ITEMS]
    wrong: dict[str, str] = {}
    for name, metric in metrics.items():
        if metric.per is not None and metric.per not in before:
            wrong[name] = f"{name} is per {metric.per!r}, which stands not above it; per: {before[-1]}"
        before.append(name)
    return _refused(metrics, wrong)


def _refused(metrics: dict[str, MetricFields], wrong: Mapping[str, str]) -> dict[str, MetricFields]:
    """The metrics, where none is wrong. Raises ValidationError, which names every one that is: its fault by its name."""
    if wrong:
        faults: list[InitErrorDetails] = [
            {"type": PydanticCustomError("value_error", "{said}", {"said": said}), "loc": (name,), "input": name}
            for name, said in wrong.items()
        ]
        raise ValidationError.from_exception_data("metrics", faults)
    return metrics


Metrics = Annotated[dict[Annotated[str, AfterValidator(_own_name)], MetricFields], AfterValidator(_sound)]


class WithMetrics(Strict):
    """A probe's configuration that has `metrics:`. `metric_places` are those that this probe can read."""

    metric_places: ClassVar[tuple[str, ...]] = _PLACES

    metrics: Metrics = Field(default_factory=dict, description="Numbers of the source's own, by name.")
    quota: QuotaFields | None = Field(None, description="Credits that its answers say are left.")

    @field_validator("metrics")
    @classmethod
    def _readable_here(cls, metrics: dict[str, MetricFields]) -> dict[str, MetricFields]:
        places = {
            name: next(key for key in _PLACES if getattr(metric, key) is not None) for name, metric in metrics.items()
        }
        readable = " or ".join(cls.metric_places)
        return _refused(
            metrics,
            {
                name: f"{name} has a {given}, and this probe has none to read; {readable}"
                for name, given in places.items()
                if given not in cls.metric_places
            },
        )

    @model_validator(mode="after")
    def _quota_is_readable(self) -> WithMetrics:
        if self.quota is None:
            return self
        if len(self.metrics) + len(self.quota.places) > MOST:
            raise ValueError(f"{len(self.metrics)} metrics and those of `quota`, {MOST} at most; remove some")
        for name, place in self.quota.places.items():
            given = "header" if place.header is not None else "path"
            if given not in self.metric_places:
                raise ValueError(f"quota has a {given}, and this probe has none to read; remove `quota`")
            if name in self.metrics:
                raise ValueError(f"the metric {name!r} is taken by `quota`; {name}_own")
        return self

    @cached_property
    def custom_metrics(self) -> tuple[CustomMetric, ...]:
        own = tuple(CustomMetric(name, **fields.model_dump()) for name, fields in self.metrics.items())
        return own if self.quota is None else (*own, *self.quota.metrics())


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics that could be read, and what is wrong with the others."""

    values: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Payload:
    """What a probe has at hand. `columns` are those of a table that was not kept whole. `text` is asked for only where a
    metric has a regex. `items` None: they are not counted. `as_written` is the document with the numbers that JSON has not (NaN),
    asked for only to name one that stood where a number was wanted.
    """

    now: float
    document: Any = None
    rows: Sequence[Any] | None = None
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    text: Callable[[], str] = str
    items: int | None = None
    as_written: Callable[[], Any] = lambda: None


def measure(metrics: Sequence[CustomMetric], payload: Payload) -> Measured:
    """One number per metric. A metric that cannot be read is a warning: its absence would go unnoticed, and a rule on
    it would be silent for ever. Without any item there is nothing to read, and only counts have a value (0).
    """
    measured = Measured()
    for metric in metrics:
        found = _values(metric, payload)
        value = _aggregate(metric, found, payload.now)
        if isinstance(value, str) and found and found[0] is None and metric.path is not None:
            value = f"{_written(metric.path, payload)} is not a number"
        if metric.per is not None and not isinstance(value, str):
            by = payload.items if metric.per == ITEMS else measured.values.get(metric.per)
            if metric.per == ITEMS and by is None:
                value = "no items are counted that could divide the number"
            elif not by:
                continue  # of nothing there is no share; why there is nothing is said of the items or of that metric
            else:
                value /= by
        if not isinstance(value, str) and not abs(value) <= LARGEST:
            value = "the number is too large"
        if isinstance(value, str):
            if metric.header is None and not found and payload.items == 0:
                continue
            text = f"metric {metric.name}: {value} at {metric.place}"
            measured.findings.append(Finding("warning", "metric_unreadable", text))
            continue
        measured.values[metric.name] = value
    return measured


def _values(metric: CustomMetric, payload: Payload) -> list[Any]:
    if metric.header is not None:
        found = payload.headers.get(metric.header)
        return [] if found is None else [found]
    if metric.regex is not None:
        group = first_group(metric.regex, payload.text()[:_REGEX_CHARS])
        return [] if group is None else [group]
    if metric.path is not None:
        return [] if payload.document is None else find(metric.path, payload.document)
    column = metric.column or ""
    kept = payload.columns.get(column)
    cells = (cell(row, column) for row in payload.rows or ()) if kept is None else kept
    return [value for value in cells if value not in (None, "")]


def _aggregate(metric: CustomMetric, found: list[Any], now: float) -> float | str:
    """The number, or why there is none."""
    if metric.agg == "count":
        return float(sum(value is not None for value in found))
    if metric.agg == "distinct":
        return float(len({repr(value) for value in found if value is not None}))
    if not found:
        return "nothing stands"
    if metric.seconds:
        spec = _age_spec(metric.format, metric.zone, metric.agg == "oldest_age")
        age = ages_of(found, spec, now).found()
        return no_age_text(age) if age.age_s is None else age.age_s
    if metric.agg == "first":
        number = _number(found[0])
        return f"{_quoted(found[0])} is not a number" if number is None else number
    numbers = [number for value in found if (number := _number(value)) is not None]
    if not numbers:
        return f"{_quoted(found[0])} is not a number"
    try:
        return _NUMBERS[metric.agg](numbers)
    except OverflowError:  # fsum of numbers of which each is finite
        return math.inf


def _written(path: str, payload: Payload) -> str:
    """What is null to every reader, as the answer spells it: null, NaN, Infinity."""
    document = payload.as_written()
    found = [] if document is None else find(path, document)
    return json.dumps(found[0]) if found and isinstance(found[0], float) else "null"


@lru_cache(maxsize=1024)
def _age_spec(style: str, zone: str, oldest: bool) -> DataAge:
    return DataAge(column="-", format=style, zone=zone, oldest=oldest)


def _quoted(value: Any) -> str:
    return "null" if value is None else repr(str(value)[:40])


def _number(value: Any) -> float | None:
    """A number, or a text that is one; true and false are none."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):  # an integer may have more digits than any float
        return None
    return number if math.isfinite(number) else None
