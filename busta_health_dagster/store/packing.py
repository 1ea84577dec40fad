"""How an observation fits into about thirty bytes.

At 288 rows per source and day every byte of a row costs 288 (330 with the slack of a B-tree's pages), and the target
is 12 KB per source-day, rollups included. So a row keeps as columns what queries filter and sum (status, response,
items, data age) and packs the rest into one blob, the `trace`.
"""

from __future__ import annotations

from math import log2
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from busta_health_dagster.domain.observation import Kind, Observation, Phases, Status
from busta_health_dagster.store.packed_numbers import put, put_number, put_signed, take, take_number, take_signed

if TYPE_CHECKING:
    from collections.abc import Mapping

MAINTENANCE, SUSPECT, CONFIRMATION, LIGHT, NEAR_EVENT = (
    4,
    8,
    256,
    512,
    1024,
)  # the third and the last lie outside the slots
_KINDS = {Kind.CONFIRMATION: CONFIRMATION, Kind.NEAR_EVENT: NEAR_EVENT}
_ATTEMPTS_SHIFT = 4
_MOST_ATTEMPTS = 16
_PHASE_STEPS = 17  # per doubling: a byte holds 0 to 32 s, 2% exact

# First byte of the trace: what a plain HTTP check has. Second byte (only if _MORE): the rare.
_DNS, _CONNECT, _TLS, _BODY, _SIZE, _HTTP_200, _TLS_DAYS, _MORE = (1 << n for n in range(8))
_FIRST_BYTE, _NO_FIRST_BYTE, _HTTP, _RETRY, _QUALITY, _REASON, _DETAIL, _METRICS = (1 << n for n in range(8))


class Packed(NamedTuple):
    """The columns of a row besides its key."""

    verdict: int
    response: int | None
    items: int | None
    data_age: int | None
    trace: bytes


def verdict_code(status: int, *, maintenance: bool = False, suspect: bool = False, attempts: int = 1) -> int:
    """Bits 0-1 status, 2 in maintenance, 3 suspect, 4-7 attempts - 1. A plain `up` is 1, which SQLite stores in no
    byte at all.
    """
    more = min(max(attempts, 1), _MOST_ATTEMPTS) - 1
    return status | (MAINTENANCE if maintenance else 0) | (SUSPECT if suspect else 0) | more << _ATTEMPTS_SHIFT


def attempts_of(verdict: int) -> int:
    return (verdict >> _ATTEMPTS_SHIFT) % _MOST_ATTEMPTS + 1


def tenths(ms: float | None) -> int | None:
    """Milliseconds -> tenths of them, as stored."""
    return None if ms is None else round(ms * 10)


def pack(
    seen: Observation, reason_id: int, *, maintenance: bool, metric_ids: Mapping[str, int] = MappingProxyType({})
) -> Packed:
    """An observation as stored. Response keeps 0.1 ms, quality 0.01, ages whole seconds, phases 2%, custom metrics 0.001,
    certificate days are floored. `metric_ids`: the number of each custom metric's name.
    """
    response = tenths(seen.response_ms)
    body = bytearray()
    put_signed(body, seen.observed_at - seen.slot)
    first, rare = _put_phases(body, seen.phases or Phases(), response)
    if seen.size_bytes is not None:
        first |= _SIZE
        put(body, seen.size_bytes)
    if seen.tls_days_left is not None:
        first |= _TLS_DAYS
        put_signed(body, int(seen.tls_days_left // 1))
    if seen.http_status == 200:
        first |= _HTTP_200
    elif seen.http_status is not None:
        rare |= _HTTP
        put(body, seen.http_status)
    if seen.retry_after_s is not None:
        rare |= _RETRY
        put(body, round(seen.retry_after_s * 10))
    if seen.quality is not None:
        rare |= _QUALITY
        put(body, round(seen.quality * 100))
    if reason_id:
        rare |= _REASON
        put(body, reason_id)
    if seen.metrics:
        rare |= _METRICS
        put(body, len(seen.metrics))
        for name, value in seen.metrics.items():
            put_number(body, metric_ids[name], value)
    if seen.detail and seen.status is not Status.UP:
        rare |= _DETAIL
        body += seen.detail.encode()
    head = bytes((first | _MORE, rare)) if rare else bytes((first,))
    age = None if seen.data_age_s is None else round(seen.data_age_s)
    verdict = verdict_code(seen.status, maintenance=maintenance, suspect=seen.suspect, attempts=seen.attempts)
    verdict |= _KINDS.get(seen.kind, 0) | LIGHT * seen.light
    return Packed(verdict, response, seen.items, age, head + bytes(body))


def _put_phases(body: bytearray, phases: Phases, response: int | None) -> tuple[int, int]:
    """-> their flags in the first and second byte."""
    first = 0
    for flag, ms in ((_DNS, phases.dns), (_CONNECT, phases.connect), (_TLS, phases.tls), (_BODY, phases.body)):
        if ms is not None:
            first |= flag
            body.append(phase_code(ms))
    if phases.first_byte is None:
        return first, _NO_FIRST_BYTE if first & _BODY else 0
    if _remainder_fits(phases, response, first):
        return first, 0
    body.append(phase_code(phases.first_byte))
    return first, _FIRST_BYTE


def unpack(
    source: str,
    slot: int,
    row: Packed,
    reasons: dict[int, str],
    kind: Kind = Kind.SCHEDULED,
    metric_names: Mapping[int, str] | None = None,
) -> Observation:
    """The observation back, without the facts and the sample (only the newest are kept, with the state)."""
    trace, response = row.trace, row.response
    first = trace[0]
    rare = trace[1] if first & _MORE else 0
    lag, at = take_signed(trace, 2 if first & _MORE else 1)
    parts: list[float | None] = []
    for flag in (_DNS, _CONNECT, _TLS, _BODY):
        parts.append(phase_ms(trace[at]) if first & flag else None)
        at += 1 if first & flag else 0
    dns, connect, tls, body = parts
    first_byte: float | None = None
    if rare & _FIRST_BYTE:
        first_byte, at = phase_ms(trace[at]), at + 1
    elif first & _BODY and not rare & _NO_FIRST_BYTE and response is not None:
        first_byte = max(response / 10 - sum(p or 0.0 for p in parts), 0.0)
    size = days = http = retry = quality = None
    reason = 0
    if first & _SIZE:
        size, at = take(trace, at)
    if first & _TLS_DAYS:
        days, at = take_signed(trace, at)
    if first & _HTTP_200:
        http = 200
    elif rare & _HTTP:
        http, at = take(trace, at)
    if rare & _RETRY:
        retry, at = take(trace, at)
    if rare & _QUALITY:
        quality, at = take(trace, at)
    if rare & _REASON:
        reason, at = take(trace, at)
    metrics, at = _take_metrics(trace, at, metric_names or {}) if rare & _METRICS else ({}, at)
    timed = bool(first & (_DNS | _CONNECT | _TLS | _BODY) or rare & _FIRST_BYTE)
    return Observation(
        source=source,
        slot=slot,
        observed_at=slot + lag,
        status=Status(row.verdict & 3),
        reason=reasons[reason] if reason else "ok",
        detail=trace[at:].decode() if rare & _DETAIL else "",
        kind=kind,
        response_ms=None if response is None else response / 10,
        phases=Phases(dns, connect, tls, first_byte, body) if timed else None,
        items=row.items,
        data_age_s=None if row.data_age is None else float(row.data_age),
        http_status=http,
        size_bytes=size,
        tls_days_left=None if days is None else float(days),
        retry_after_s=None if retry is None else retry / 10,
        attempts=attempts_of(row.verdict),
        suspect=bool(row.verdict & SUSPECT),
        quality=None if quality is None else quality / 100,
        metrics=metrics,
        light=bool(row.verdict & LIGHT),
    )


def _take_metrics(trace: bytes, at: int, names: Mapping[int, str]) -> tuple[dict[str, float], int]:
    """-> (custom metrics, where the rest starts)."""
    metrics: dict[str, float] = {}
    count, at = take(trace, at)
    for _ in range(count):
        number, value, at = take_number(trace, at)
        metrics[names.get(number, str(number))] = value
    return metrics, at


def quality_of(trace: bytes) -> int | None:
    """The quality in hundredths, without unpacking the rest where there is none (the hot path of a backtest)."""
    if not trace[0] & _MORE or not trace[1] & _QUALITY:
        return None
    return take(trace, _quality_at(trace))[0]


def has_metrics(trace: bytes) -> bool:
    return bool(trace[0] & _MORE and trace[1] & _METRICS)


def metrics_of(trace: bytes, names: Mapping[int, str]) -> dict[str, float]:
    """The custom metrics of a trace that has some."""
    at = _quality_at(trace)
    for present in (trace[1] & _QUALITY, trace[1] & _REASON):
        if present:
            _, at = take(trace, at)
    return _take_metrics(trace, at, names)[0]


def _quality_at(trace: bytes) -> int:
    """Where the quality stands in a trace with two bytes of flags, or what follows it."""
    first, rare = trace[0], trace[1]
    _, at = take(trace, 2)
    at += (first & (_DNS | _CONNECT | _TLS | _BODY)).bit_count() + (1 if rare & _FIRST_BYTE else 0)
    for present in (first & _SIZE, first & _TLS_DAYS, rare & _HTTP, rare & _RETRY):
        if present:
            _, at = take(trace, at)
    return at


SCORED = tuple(bytes(byte for byte in range(256) if byte & flag) for flag in (_MORE, _QUALITY))
"""First and second bytes of a trace that holds a quality, for a database that looks bytes up."""


def _remainder_fits(phases: Phases, response: int | None, first: int) -> bool:
    """May the time to first byte be left out, because it is what the response time leaves over?"""
    if response is None or not first & _BODY or phases.first_byte is None:
        return False
    kept = (phases.dns, phases.connect, phases.tls, phases.body)
    left = response / 10 - sum(phase_ms(phase_code(p)) for p in kept if p is not None)
    return abs(left - phases.first_byte) <= 0.025 * phases.first_byte + 0.1


def phase_code(ms: float) -> int:
    return min(round(_PHASE_STEPS * log2(1 + max(ms, 0.0))), 255)


def phase_ms(code: int) -> float:
    return float(2 ** (code / _PHASE_STEPS) - 1)
