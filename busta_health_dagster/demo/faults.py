"""What can be wrong with an upstream, and which kind of upstream can show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from busta_health_dagster.demo.noise import unit


class Fault(StrEnum):
    """One way to fail. Each is real at the socket or on the disk, none is a flag that the monitor could read."""

    OUTAGE = "outage"  # HTTP: the status (503); files and tables: gone
    REFUSED = "refused"  # the port is bound and does not listen
    TIMEOUT = "timeout"  # accepts and never answers; a table: locked by another writer
    SLOW = "slow"  # the first byte comes after `ms`
    STALE = "stale"  # nothing newer than the moment it began
    BAD_QUALITY = "bad_quality"  # missing prices, values out of range, duplicates: `share` of the rows
    FLAPPING = "flapping"  # `share` of the slots fail with `status`, the others take `ms`
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    GARBAGE = "garbage"  # 200 with a body that is not what it says
    UNSEEN = "unseen"  # the monitor could not look; exists in the history only


class Medium(StrEnum):
    """How an upstream is reached."""

    HTTP = "http"
    CSV = "csv"
    TABLE = "table"
    PARQUET = "parquet"


_EVERYWHERE = frozenset({Fault.OUTAGE, Fault.STALE, Fault.BAD_QUALITY, Fault.FLAPPING, Fault.UNSEEN})
SHOWN_BY: dict[Medium, frozenset[Fault]] = {
    Medium.HTTP: frozenset(Fault),
    Medium.CSV: _EVERYWHERE | {Fault.GARBAGE},
    Medium.TABLE: _EVERYWHERE | {Fault.GARBAGE, Fault.TIMEOUT},
    Medium.PARQUET: _EVERYWHERE | {Fault.GARBAGE},
}
"""A file cannot answer late and a table cannot say 429: such an incident is refused, not quietly ignored."""

FLAP_SLOT_S = 300


@dataclass(frozen=True, slots=True)
class Effect:
    """A fault at one instant. `since` is when it began, epoch seconds; `ms` and `share` as the fault says."""

    fault: Fault
    since: float
    ms: float = 0.0
    share: float = 0.0
    status: int = 503
    cause: str = ""

    def at(self, source: str, now: float) -> Effect | None:
        """Flapping, resolved for this slot: confirmations inside one slot see the same, so that a blip stays one slot
        long.
        """
        if self.fault is not Fault.FLAPPING:
            return self
        if unit("flap", source, int(now // FLAP_SLOT_S)) < self.share:
            return replace(self, fault=Fault.OUTAGE)
        return replace(self, fault=Fault.SLOW) if self.ms else None
