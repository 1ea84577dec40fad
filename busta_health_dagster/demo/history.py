"""Thirty days of observations as the monitor would have stored them: the healthy noise of each upstream, and the
story's incidents.

Columns are drawn per source with numpy, then incidents are laid over their slots, then ticks are read across the
sources: 103,680 observations take about a second of CPU.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.demo.catalogue import UPSTREAMS, Upstream, phase_of
from busta_health_dagster.demo.faults import Effect, Fault, Medium
from busta_health_dagster.demo.noise import stream
from busta_health_dagster.demo.scenarios import scenario as named
from busta_health_dagster.domain.observation import Observation, Phases, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.numbers import floored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.demo.timeline import Scenario

DAY = 86400
QUALITY_EVERY_S = 3600
QUALITY_AT_S = 300
_FLAKY = 0.002
_ATTEMPTS = 3
CAPPED = 89.0  # what the suites give when a check of severity ERROR fails


@dataclass(slots=True)
class _Column:
    """One source over all slots; index i is slot `first + i * interval`."""

    upstream: Upstream
    response: list[float]
    age: list[float]
    quality: list[float | None]
    attempts: list[int]
    effects: list[Effect | None]


def generate(
    days: float,
    until: int,
    seed: int = 0,
    *,
    scenario: Scenario | None = None,
    anchor: int | None = None,
    interval_s: int = 300,
) -> Iterator[list[Observation]]:
    """Observations of each slot in `[until - days, until)`, oldest first, one list of twelve per slot.

    The same arguments give the same observations. `anchor` is when the story starts (default: `until`); `until` may
    lie after it, so that the slots between a demo's start and its first check can be filled as well. Quality is
    scored once an hour.
    """
    story = scenario or named("default")
    until = floor_to(until, interval_s)
    anchor = until if anchor is None else anchor
    first = floor_to(until - days * DAY, interval_s)
    slots = range(first, until, interval_s)
    columns = [_column(u, slots, seed, story, anchor) for u in UPSTREAMS.values()]
    for index, slot in enumerate(slots):
        yield [_observation(c, index, slot) for c in columns]


def _column(upstream: Upstream, slots: range, seed: int, story: Scenario, anchor: int) -> _Column:
    import numpy as np

    count = len(slots)
    rng = np.random.default_rng([seed, *upstream.name.encode(), slots.start // slots.step])
    # Half of the spread is a slow swing (the provider's own load), half is noise of the single request.
    swing = _smoothed(rng.standard_normal(count + 24), 24)[:count]
    noise = rng.standard_normal(count)
    load = np.array([upstream.load(slot) for slot in slots])
    response = upstream.median_ms * load * np.exp(upstream.spread * (0.7 * noise + 0.7 * swing))
    phase = phase_of(upstream.name, anchor)
    quality = np.minimum(100.0, upstream.quality + rng.standard_normal(count) * (100.2 - upstream.quality) * 0.18)
    effects: list[Effect | None] = [None] * count
    for incident in story.between(upstream.name, slots.start - anchor, slots.stop - anchor):
        begin = max(0, -(-(anchor + incident.start_s - slots.start) // slots.step))
        end = count if incident.end_s is None else min(count, -(-(anchor + incident.end_s - slots.start) // slots.step))
        for index in range(begin, end):
            effects[index] = story.effect(upstream.name, slots[index], anchor)
    scores: list[float | None] = [None] * count
    for index in range(count):
        if upstream.quality and slots[index] % QUALITY_EVERY_S == QUALITY_AT_S:
            effect = effects[index]
            spoilt = effect is not None and effect.fault is Fault.BAD_QUALITY
            scores[index] = CAPPED if spoilt else floored(float(quality[index]), 1)
    attempts = np.where(rng.random(count) < _FLAKY, 2, 1).tolist()
    return _Column(
        upstream, response.round(1).tolist(), _ages(upstream, slots, phase, effects), scores, attempts, effects
    )


def _smoothed(values: np.ndarray, window: int) -> np.ndarray:  # type: ignore[name-defined]  # noqa: F821
    import numpy as np

    return np.convolve(values, np.ones(window) / window**0.5, "valid")


def _ages(upstream: Upstream, slots: range, phase: float, effects: list[Effect | None]) -> list[float]:
    moments: list[float] = []
    if upstream.irregular:
        span = range((slots.start - 3 * DAY) // upstream.period_s, slots.stop // upstream.period_s + 1)
        moments = [m for m in map(upstream.moment, span) if m is not None]
    ages = []
    for slot, effect in zip(slots, effects, strict=True):
        at = min(slot, effect.since) if effect is not None and effect.fault is Fault.STALE else slot
        newest = moments[bisect_right(moments, at) - 1] if moments else upstream.newest(at, phase)
        ages.append(float(slot - newest))
    return ages


def _observation(column: _Column, index: int, slot: int) -> Observation:
    effect, response = column.effects[index], column.response[index]
    match effect.fault if effect else None:
        case None | Fault.STALE | Fault.BAD_QUALITY:
            return _answered(column, index, slot, response)
        case Fault.SLOW:
            assert effect is not None
            late = effect.ms * stream("slow", column.upstream.name, slot).uniform(0.9, 1.09)
            return _answered(column, index, slot, round(late, 1))
        case Fault.UNSEEN:
            return Observation(
                column.upstream.name, slot, slot + 1, Status.UNKNOWN, "network", "the monitor could not look"
            )
        case Fault.RATE_LIMITED:
            return Observation(
                column.upstream.name,
                slot,
                slot + 1,
                Status.DEGRADED,
                "rate_limited",
                "answered 429, too many requests",
                response_ms=response,
                http_status=429,
                retry_after_s=60.0,
            )
    assert effect is not None
    return _failed(column.upstream, slot, effect)


def _answered(column: _Column, index: int, slot: int, response: float) -> Observation:
    upstream, age = column.upstream, column.age[index]
    http = upstream.medium is Medium.HTTP
    status, reason, detail = Status.UP, "ok", f"answered in {milliseconds_text(response)}"
    if response > upstream.limit_ms:
        status, reason = Status.DEGRADED, "slow"
        detail = f"{milliseconds_text(response)}, limit {upstream.limit_ms / 1000:g} s"
    elif age > upstream.limit_age_s:
        status, reason = Status.DEGRADED, "stale"
        detail = f"data {duration_text(age)} old, limit {duration_text(upstream.limit_age_s)}"
    return Observation(
        upstream.name,
        slot,
        slot + 1 + index % 2,
        status,
        reason,
        detail,
        response_ms=response,
        phases=_phases(upstream.medium, response),
        items=upstream.count(slot) or None,
        data_age_s=age,
        http_status=200 if http else None,
        size_bytes=upstream.size_bytes or None,
        attempts=column.attempts[index],
        quality=column.quality[index],
    )


def _phases(medium: Medium, response: float) -> Phases:
    """As the probes split them: a loopback connection takes no DNS and no TLS; a file has no connection."""
    if medium is Medium.HTTP:
        return Phases(connect=0.4, first_byte=round(response - 0.5, 1), body=0.1)
    if medium is Medium.TABLE:
        return Phases(connect=round(response * 0.5, 1), first_byte=round(response * 0.5, 1))
    return Phases(first_byte=0.2, body=round(response - 0.2, 1))


_DOWN: dict[Fault, tuple[str, str]] = {
    Fault.REFUSED: ("connect", "the connection was refused"),
    Fault.TIMEOUT: ("timeout", "no complete answer within 10 s"),
    Fault.GARBAGE: ("payload", "the body cannot be read"),
    Fault.OUTAGE: ("missing", "there is no such file"),
}


def _failed(upstream: Upstream, slot: int, effect: Effect) -> Observation:
    reason, detail = _DOWN[effect.fault]
    http_status = None
    if upstream.medium is Medium.HTTP and effect.fault is Fault.OUTAGE:
        reason, detail, http_status = "http_status", f"answered {effect.status}", effect.status
    elif upstream.medium is Medium.HTTP and effect.fault is Fault.GARBAGE:
        http_status = 200
    took = 38 if effect.fault is Fault.TIMEOUT else 8  # three attempts and the pauses between them
    return Observation(
        upstream.name, slot, slot + took, Status.DOWN, reason, detail, http_status=http_status, attempts=_ATTEMPTS
    )
