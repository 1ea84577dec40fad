"""What we saw of a source, once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Status(IntEnum):
    """Stored as its number; shown as its name. Ordered from worst known to best is DOWN, DEGRADED, UP; UNKNOWN is
    apart.
    """

    UNKNOWN = 0
    UP = 1
    DEGRADED = 2
    DOWN = 3

    @property
    def word(self) -> str:
        return _WORDS[self]

    @property
    def is_verdict(self) -> bool:
        """Did we see anything? Unknown is never healthy, and never a verdict."""
        return self is not Status.UNKNOWN


_WORDS = tuple(status.name.lower() for status in Status)  # by number; a day of a fleet asks for 240,000


class Kind(IntEnum):
    """Why we looked. What is not scheduled is evaluated, and stays outside SLA and rollups: a person asked for it, a failure
    is to be confirmed before anyone is notified, or an event is near and the source is observed more often.
    """

    SCHEDULED = 0
    MANUAL = 1
    CONFIRMATION = 2
    NEAR_EVENT = 3


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds of each phase of a request; None where the phase did not happen (a reused or plain connection)."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    body: float | None = None

    def as_dict(self) -> dict[str, float]:
        pairs = ((n, getattr(self, n)) for n in ("dns", "connect", "tls", "first_byte", "body"))
        return {n: round(v, 2) for n, v in pairs if v is not None}


@dataclass(frozen=True, slots=True)
class Sample:
    """A bounded piece of what the source delivered, for quality scoring. `rows` are flat or nested JSON objects."""

    rows: Sequence[Mapping[str, Any]]
    total_rows: int
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One attempt to check a source.

    `status` is what the probe alone can say: up, down, unknown, or degraded for 429, an expiring certificate and
    assertions of
    severity warning. Slow and stale are decided later, by the effective limits of the rules. `reason` is a short
    stable code
    (`ok`, `timeout`, `dns`, `connect`, `tls`, `http_status`, `rate_limited`, `payload`, `assertion`, `address_refused`,
    `too_large`, `redirects`, `missing_secret`, `probe_error`, `network`, `not_beaten` ...); `detail` is one sentence
    for people.
    `response_ms` is None on failure, never a sentinel. `facts` are small JSON values about the last payload (type,
    bytes,
    certificate days, redirects), shown on the source page.
    """

    status: Status
    reason: str = "ok"
    detail: str = ""
    response_ms: float | None = None
    phases: Phases | None = None
    items: int | None = None
    data_age_s: float | None = None
    http_status: int | None = None
    size_bytes: int | None = None
    tls_days_left: float | None = None
    retry_after_s: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    sample: Sample | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Custom metrics that could be read."""
    event_times: Mapping[str, tuple[int, ...]] | None = None
    """Calendar -> the starts of events that the payload named; one that could not be read is left out."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One stored observation of a source. At most one scheduled observation exists per (source, slot), whatever runs twice.

    `slot` and `observed_at` are epoch seconds, UTC. `attempts` > 1 with status up means flaky. `suspect` marks a
    response time
    measured while our own loop lagged: it feeds neither alerts nor baselines. `metrics` are the source's own numbers. A
    `light` one brought no data, and says nothing of them.
    """

    source: str
    slot: int
    observed_at: int
    status: Status
    reason: str = "ok"
    detail: str = ""
    kind: Kind = Kind.SCHEDULED
    response_ms: float | None = None
    phases: Phases | None = None
    items: int | None = None
    data_age_s: float | None = None
    http_status: int | None = None
    size_bytes: int | None = None
    tls_days_left: float | None = None
    retry_after_s: float | None = None
    attempts: int = 1
    suspect: bool = False
    quality: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    sample: Sample | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Custom metrics that could be read."""
    light: bool = False
    event_times: Mapping[str, tuple[int, ...]] | None = None

    @classmethod
    def from_result(
        cls,
        source: str,
        slot: int,
        observed_at: int,
        result: ProbeResult,
        *,
        kind: Kind,
        attempts: int,
        suspect: bool,
        light: bool = False,
    ) -> Observation:
        return cls(
            source=source,
            slot=slot,
            observed_at=observed_at,
            status=result.status,
            reason=result.reason,
            detail=result.detail,
            kind=kind,
            response_ms=result.response_ms,
            phases=result.phases,
            items=result.items,
            data_age_s=result.data_age_s,
            http_status=result.http_status,
            size_bytes=result.size_bytes,
            tls_days_left=result.tls_days_left,
            retry_after_s=result.retry_after_s,
            attempts=attempts,
            suspect=suspect,
            facts=result.facts,
            sample=result.sample,
            metrics=result.metrics,
            light=light,
            event_times=result.event_times,
        )

    def evaluated(self, status: Status, reason: str, detail: str) -> Observation:
        """The same observation with another verdict."""
        return replace(self, status=status, reason=reason, detail=detail)


@dataclass(frozen=True, slots=True)
class FullObservation:
    """What the newest full observation of a source said, where light ones came after it."""

    slot: int
    observed_at: int
    status: Status
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """The newest thing known of a source, kept up to date in the insert's transaction. `since` is the first slot of
    this status. After a light observation items, age, facts and metrics are still those of the `full` one.
    """

    source: str
    status: Status
    since: int
    slot: int
    observed_at: int
    reason: str
    detail: str
    response_ms: float | None = None
    items: int | None = None
    data_age_s: float | None = None
    attempts: int = 1
    http_status: int | None = None
    tls_days_left: float | None = None
    phases: Phases | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    quality: float | None = None
    quality_at: int | None = None
    evaluated_slot: int = 0
    not_before: int = 0  # a 429's Retry-After: no probe before this epoch
    metrics: Mapping[str, float] = field(default_factory=dict)
    scheduled_slot: int | None = None  # newest scheduled observation; `slot` may be a manual one's

    full: FullObservation | None = None  # None: the newest observation is a full one

    @property
    def last_full(self) -> FullObservation:
        """The newest observation that brought data, or would have."""
        return self.full or FullObservation(self.slot, self.observed_at, self.status, self.reason, self.detail)

    @property
    def pending(self) -> bool:
        """Is there a scheduled observation that the rules have not checked?"""
        return self.scheduled_slot is not None and self.scheduled_slot > self.evaluated_slot
