"""Is an instant inside a maintenance window of a source, or outside its season? In words, as alerts say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.maintenance import MAINTENANCE
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.engines.seasons import off_season_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.maintenance import MaintenanceIndex


def window_name(planned: MaintenanceIndex, source: Source, at: int) -> str:
    """The maintenance window that covers this source at an instant; empty when none does.

    An instant outside the index (a score of last week, a slot ahead of a clock that was set back) counts as its edge.
    """
    at = _inside(planned, at)
    if planned.interval_at(source, at, MAINTENANCE) is None:
        return ""
    return next(o.window for o in planned.occurrences(source) if o.start <= at < o.end)


def off_season_reason(planned: MaintenanceIndex, source: Source, at: int) -> str:
    """`off season until ...` where the instant lies outside the season of the source; empty where it does not."""
    gap = planned.interval_at(source, _inside(planned, at), OFF_SEASON)
    return "" if gap is None else off_season_text(gap)


def _inside(planned: MaintenanceIndex, at: int) -> int:
    return min(max(at, planned.since), planned.until - 1)
