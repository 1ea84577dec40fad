"""What the store says of a chaotic night against what was so: each minute observed or explained, and no observation untrue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.observation import Observation

MINUTE = 60
STARTS_IN_S = 180.0
TURNS_WITHIN_S = 20.0
"""A source that turned so near to an observation may have been met in either state."""


@dataclass(frozen=True)
class Disturbance:
    """By our clock; `until` includes the time to recover."""

    what: str
    since: float
    until: float


@dataclass
class Truth:
    """When the source turned, by our clock, and into what. It begins well."""

    turned: list[tuple[float, bool]] = field(default_factory=list)

    def down_at(self, at: float) -> bool | None:
        """None: it turned about then."""
        if any(abs(at - when) < TURNS_WITHIN_S for when, _ in self.turned):
            return None
        return next((down for when, down in reversed(self.turned) if when <= at), False)


def unexplained(
    seen: Mapping[str, Iterable[Observation]],
    truth: Mapping[str, Truth],
    disturbances: Sequence[Disturbance],
    began: float,
    jumps: Sequence[tuple[float, float]],
    ended: float | None = None,
) -> tuple[list[str], dict[str, int]]:
    """Sentences about what is wrong, and the counts of the ledger. `jumps` are (our time, how far the monitor's clock is ahead)."""
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    for name in truth:
        at: list[float] = []
        for row in seen.get(name, ()):
            ours = _our_time(row.observed_at, jumps)
            if ours is None:
                counts["observed in an hour that there was twice"] += 1
                continue
            at.append(ours)
            wrong += _untrue(name, row, truth[name].down_at(ours), counts)
        at.sort()
        if ended is not None:
            at.append(ended)
            counts["minutes of sources in all"] += max(0, round((ended - began - STARTS_IN_S) / MINUTE))
        for before, after in zip([began + STARTS_IN_S - MINUTE, *at], at, strict=False):
            missing = round((after - before) / MINUTE) - 1
            if missing <= 0:
                continue
            why = {d.what for d in disturbances if d.since < after and d.until > before}
            for what in sorted(why):
                counts[f"minutes without an observation beside: {what}"] += missing
            if not why:
                wrong.append(
                    f"{name}: {missing} minutes before {after - began:.0f} s have no observation, and no fault"
                )
    return wrong, dict(counts)


def _untrue(name: str, row: Observation, down: bool | None, counts: Counter[str]) -> list[str]:
    counts[f"observations: {row.status.name.lower()}"] += 1
    if down is None or row.status is Status.UNKNOWN:
        return []
    if (row.status is Status.DOWN) is down:
        return []
    return [
        f"{name}: seen {row.status.name.lower()} ({row.reason}) at {row.slot} while it was {'down' if down else 'up'}"
    ]


def _our_time(at: float, jumps: Sequence[tuple[float, float]]) -> float | None:
    """The monitor's clock as ours. None where it showed this time twice."""
    found = []
    for n, (since, ahead) in enumerate(jumps or [(0.0, 0.0)]):
        until = jumps[n + 1][0] if n + 1 < len(jumps) else float("inf")
        if since - 5 <= at - ahead <= until + 5:
            found.append(at - ahead)
    return found[0] if len(found) == 1 else None
