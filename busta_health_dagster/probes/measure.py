"""From a payload to numbers: a bounded sample of the rows, what JSON can hold of them, and the verdict."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import ProbeResult, Sample, Status
from busta_health_dagster.probes.reservoir import drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.probes.port import Finding, ProbeLimits


def sample_of(
    rows: Sequence[Any], limits: ProbeLimits, *, at: float, total: int | None = None, small: bool = False
) -> Sample:
    """A random sample of the rows, within the limits of rows and JSON bytes; `at` (epoch) draws it, another one at each slot.
    `small`: the whole payload is known to be below the cap of bytes.
    """
    total = len(rows) if total is None else total
    kept: list[Mapping[str, Any]] = [_flat(row, small=small) for row in drawn(rows, limits.sample_rows, int(at))]
    if not small:
        kept = _within(kept, limits.sample_bytes, int(at))
    return Sample(rows=tuple(kept), total_rows=total, truncated=len(kept) < total)


def _flat(row: Any, *, small: bool) -> Mapping[str, Any]:
    safe = row if small else json_safe(row)
    return safe if type(row) is dict else {"value": safe}


def _within(rows: list[Mapping[str, Any]], most: int, seed: int) -> list[Mapping[str, Any]]:
    """As many as fit, thinned at random: cut at the end, the sample would know nothing of the last rows."""
    while rows and (size := sum(len(json.dumps(row, default=str)) for row in rows)) > most:
        rows = drawn(rows, min(int(len(rows) * most / size * 0.95), len(rows) - 1), seed)
    return rows


def content_mark(content: bytes, etag: str | None = None) -> str:
    """What tells one content from another: the server's own ETag, else a hash of the bytes."""
    return f"etag {etag[:80]}" if etag else f"sha256 {hashlib.sha256(content).hexdigest()[:16]}"


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
