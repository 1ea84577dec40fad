"""From a payload to figures: how many items, how old the newest is, and a bounded sample of the rows."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import field_validator, model_validator

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import ProbeResult, Sample, Status
from busta_health_dagster.probes.json_path import JsonPath
from busta_health_dagster.probes.port import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.probes.port import ProbeLimits

_TOLERATED_FUTURE_S = 300.0
_OLDEST = 788_918_400.0  # 1995-01-01: 0, -1, a season, an Excel serial and 20261129 are no epochs
_NEWEST_EPOCH_S = 86_400.0  # ahead of now; a number beyond is none either, while a text is a kick-off
_EPOCH_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # larger than -> nano, micro, milliseconds


class DataAge(Strict):
    """Where the time of an item stands. The newest counts, unless `oldest`.

    `format`: `auto` (ISO 8601, RFC 2822, epoch seconds to nanoseconds), `iso`, `epoch`, `epoch_ms`, `rfc2822`, or a
    strptime pattern. `zone` is that of times written without one.
    """

    path: JsonPath | None = None
    header: str | None = None
    column: str | None = None
    format: str = "auto"
    zone: str = "UTC"
    oldest: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> DataAge:
        if sum(place is not None for place in (self.path, self.header, self.column)) != 1:
            raise ValueError(
                "data_age names one place: {path: $[*].updated}, {header: Last-Modified} or {column: updated_at}"
            )
        return self

    def stands_in(self, items: str | None) -> bool:
        """Is the time one of each item, so that no items means no time?"""
        if self.column is not None:
            return True
        if self.path is None:
            return False
        root = "$" if items is None else items.removesuffix("[*]")
        return self.path.startswith((f"{root}[", f"{root}.")) and (items is not None or self.path.startswith("$[*]"))

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is not a time zone; write for instance America/New_York") from error
        return zone


class AgeOf(NamedTuple):
    """`age_s` is None when no time could be read. Times more than five minutes ahead are counted, not used: they would
    hide staleness.
    """

    age_s: float | None
    future: int = 0
    unreadable: int = 0


class Ages:
    """Takes times one by one, and keeps only what `found` needs. A time before 1995, or a number that leads more than a
    day ahead, is no time.
    """

    def __init__(self, spec: DataAge, now: float) -> None:
        self._style, self._zone, self._oldest, self._now = spec.format, spec.zone, spec.oldest, now
        self._best: float | None = None
        self._future = self._unreadable = 0

    def take(self, value: Any) -> None:
        if value is None:
            return
        style, zone = self._style, self._zone
        epoch = _from_text(value, style, zone) if type(value) is str else to_epoch(value, style, zone)
        if epoch is None or epoch < _OLDEST or (epoch > self._now + _NEWEST_EPOCH_S and _is_number(value)):
            self._unreadable += 1
        elif epoch > self._now + _TOLERATED_FUTURE_S:
            self._future += 1
        elif self._best is None or (epoch < self._best if self._oldest else epoch > self._best):
            self._best = epoch

    def found(self) -> AgeOf:
        return AgeOf(None if self._best is None else max(0.0, self._now - self._best), self._future, self._unreadable)


def age_of(values: Iterable[Any], spec: DataAge, now: float) -> AgeOf:
    """The age in seconds of the newest (or oldest) time among `values`."""
    ages = Ages(spec, now)
    for value in values:
        ages.take(value)
    return ages.found()


def _is_number(value: Any) -> bool:
    return not isinstance(value, str | date) or (isinstance(value, str) and value.strip().lstrip("+-").isdigit())


def to_epoch(value: Any, style: str = "auto", zone: str = "UTC") -> float | None:
    """Epoch seconds of what stands in a payload; None when it is not a time."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone)).timestamp()
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _from_number(float(value), style)
    return _from_text(value, style, zone) if isinstance(value, str) else None


def _from_number(number: float, style: str) -> float | None:
    if not math.isfinite(number) or style not in ("auto", "epoch", "epoch_ms"):
        return None
    if style == "epoch_ms":
        return number / 1000
    if style == "auto":
        for larger_than, scale in _EPOCH_SCALES:
            if number > larger_than:
                return number / scale
    return number


@lru_cache(maxsize=8192)
def _from_text(text: str, style: str, zone: str) -> float | None:
    text = text.strip()
    compact = len(text) in (8, 14) and text.isdigit()  # 20261123 is a date, not an August day of 1970
    if compact and len(text) == 14 and style == "auto":
        text = f"{text[:8]}T{text[8:]}"
    if style in ("auto", "epoch", "epoch_ms") and text[4:5] != "-" and not (compact and style == "auto"):
        try:
            return _from_number(float(text), style)
        except ValueError:
            if style != "auto":
                return None
    parsed = _parsed(text, style)
    if parsed is None:
        return None
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(zone))).timestamp()
    except (OverflowError, ValueError, OSError):
        return None


def _parsed(text: str, style: str) -> datetime | None:
    if style in ("auto", "iso"):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            if style == "iso":
                return None
    try:
        if style in ("auto", "rfc2822"):
            return parsedate_to_datetime(text)
        return datetime.strptime(text, style)  # noqa: DTZ007  the zone follows
    except (ValueError, TypeError, IndexError):
        return None


def age_findings(found: AgeOf, place: str, items: int | None) -> list[Finding]:
    """A time that was asked for and cannot be read is a warning: a source whose age nobody can tell is not healthy. No
    items (None: the time stands outside them): no age.
    """
    if found.age_s is not None or items == 0:
        return []
    why = (
        f"all {found.future} times lie in the future"
        if found.future and not found.unreadable
        else "no time can be read"
    )
    return [Finding("warning", "age_unknown", f"data_age: {why} at {place}")]


def age_facts(found: AgeOf) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if found.future:
        facts["future_times"] = found.future
    if found.unreadable:
        facts["unreadable_times"] = found.unreadable
    return facts


def sample_of(rows: Sequence[Any], limits: ProbeLimits, *, total: int | None = None, small: bool = False) -> Sample:
    """The first rows, within the limits of rows and JSON bytes. `small`: the whole payload is known to be below the cap
    of bytes.
    """
    total = len(rows) if total is None else total
    kept: list[Mapping[str, Any]] = []
    budget = limits.sample_bytes
    for row in rows[: limits.sample_rows]:
        if type(row) is dict:
            flat = row if small else json_safe(row)
        else:
            flat = {"value": row if small else json_safe(row)}
        if not small:
            budget -= len(json.dumps(flat, default=str))
            if budget < 0:
                break
        kept.append(flat)
    return Sample(rows=tuple(kept), total_rows=total, truncated=len(kept) < total)


def json_safe(value: Any) -> Any:
    """What JSON can hold: times as ISO 8601, decimals as numbers, bytes by their length, the rest as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return str(value)


def conclude(
    findings: Sequence[Finding], good: str, *, facts: dict[str, Any] | None = None, **fields: Any
) -> ProbeResult:
    """The verdict: the worst finding rules and gives the reason; a failure has no response time."""
    if not findings:
        return ProbeResult(status=Status.UP, detail=good, facts=facts or {}, **fields)
    errors = [f for f in findings if f.severity == "error"]
    ranked = errors or list(findings)
    more = len(findings) - 1
    detail = ranked[0].sentence + (f" (and {more} more)" if more else "")
    facts = {**(facts or {}), "findings": [f"{f.severity}: {f.sentence}" for f in findings[:10]]}
    if errors:
        fields["response_ms"] = None
    return ProbeResult(
        status=Status.DOWN if errors else Status.DEGRADED, reason=ranked[0].reason, detail=detail, facts=facts, **fields
    )
