"""The windows that every surface shows (24 h, 7 d, 30 d): where they end, and the service level of a source over one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.service_levels.timeslices import SHORTEST_SLICE_S, filled, result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.uptime_and_budget import SlaResult, SliceCounts
    from busta_health_dagster.store.rollup_queries import Counts

DAY_S = 86400
WINDOWS_S = {"24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S}


def window_end(newest: int | None, now: int) -> int:
    """The T of "the window asked for at T": the end of the newest slice that was checked (`newest` is its slot), or of the
    last whole one.
    """
    return max(floor_to(now, SHORTEST_SLICE_S), floor_to(newest, SHORTEST_SLICE_S) + SHORTEST_SLICE_S if newest else 0)


def sla_of(
    source: Source,
    window: str,
    span: tuple[int, int],
    seen: Counts | None,
    planned: Sequence[tuple[int, int]],
) -> SlaResult | None:
    """The service level of one source over one window, from its rollups; None when the store has never seen it."""
    if seen is None:
        return None
    return result(
        counts_of(source, span, seen, planned),
        source=source.name,
        window=window,
        target=source.sla.uptime,
        degraded=source.sla.degraded,
        interval_s=source.interval_s,
    )


def counts_of(source: Source, span: tuple[int, int], seen: Counts, planned: Sequence[tuple[int, int]]) -> SliceCounts:
    """Good, bad, excluded and unknown slices of the span [since, until), from rollups and maintenance intervals."""
    since, until = span
    inside = [(max(a, since), min(b, until)) for a, b in planned if a < until and b > since]
    return filled(seen.slices, since=since, until=until, interval_s=source.interval_s, maintenance=inside)
