"""Maintenance and known events: a local start, a zone, an elapsed length, and how it recurs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.source import Selector

if TYPE_CHECKING:
    from busta_health_dagster.domain.season import Season
    from busta_health_dagster.domain.source import Source

MAINTENANCE = "maintenance"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local times are naive here


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window (or, in `events`, a known event). Start inclusive, end exclusive; `duration_s` is elapsed
    time.

    `start` and `exdates` are naive local times in `zone`. A start that does not exist shifts forward by the gap; an
    ambiguous one
    is the first. `origin` says where it comes from: `file` or `store` (added with `busta maintenance add`). A window of kind
    `off_season` covers what lies outside its `season`; it has no start and no duration of its own.
    """

    name: str
    select: Selector
    start: datetime
    zone: str
    duration_s: int
    rrule: str | None = None
    exdates: tuple[datetime, ...] = ()
    reason: str = ""
    kind: str = MAINTENANCE
    origin: str = "file"
    by: str = ""
    where: str = ""
    id: int | None = None
    season: Season | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instance of a window: [start, end) in epoch seconds, UTC."""

    window: str
    start: int
    end: int
    reason: str = ""
    select: Selector = field(default_factory=Selector)
    kind: str = MAINTENANCE


def off_season_window(source: Source, season: Season) -> Window:
    """What lies outside the season of a source, as a window: it is left out of what is counted as maintenance is."""
    return Window(
        name="off season",
        select=Selector(names=(source.name,)),
        start=_EPOCH,
        zone="UTC",
        duration_s=0,
        reason="off season",
        kind=OFF_SEASON,
        where=source.where,
        season=season,
    )
