"""The loaded configuration: values only. Nothing in it changes while the monitor runs; a reload makes another one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.maintenance import off_season_window
from busta_health_dagster.domain.policy import AlertPolicy
from busta_health_dagster.domain.source import IMPORTED, Source
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.settings.settings_model import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.errors import Problem
    from busta_health_dagster.domain.gate import Consumer
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.near_events import EventCalendar
    from busta_health_dagster.domain.rule import Rule

FILES = ("sources.yaml", "alerts.yaml", "maintenance.yaml", "settings.yaml")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything of the four files, resolved. `sources` keeps the order of the file; `sha` is of the files' content.

    `loaded_at` is epoch seconds. `warnings` are what the doctor would say; they never stop anything. `files` are the
    files found.
    """

    dir: Path
    sources: dict[str, Source]
    control: tuple[Source, ...] = ()
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    policy: AlertPolicy = field(default_factory=AlertPolicy)
    windows: tuple[Window, ...] = ()
    events: tuple[Window, ...] = ()
    calendars: tuple[EventCalendar, ...] = ()
    settings: Settings = field(default_factory=Settings)
    sha: str = ""
    loaded_at: float = 0.0
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    unlisted: Mapping[str, Source] = field(default_factory=dict)
    """What holds for a source that the files do not name, by type; "" for any other type."""

    def imported(self, name: str, type_: str, interval_s: int, cadence_s: int | None = None) -> Source:
        """A source that only an import brought: the defaults of its type, of the file, else of the program.

        How often it is said to change replaces its type's `max_data_age`.
        """
        like = self.unlisted.get(type_) or self.unlisted.get("") or Source(name, type_, IMPORTED)
        return replace(
            like,
            name=name,
            type=type_,
            probe=IMPORTED,
            interval_s=interval_s,
            cadence_s=cadence_s or like.cadence_s,
            max_data_age_s=None if cadence_s else like.max_data_age_s,
            where="import",
        )

    @property
    def off_season(self) -> tuple[Window, ...]:
        """What lies outside the seasons of the sources that have one."""
        return tuple(off_season_window(s, s.active) for s in self.sources.values() if s.active is not None)

    @property
    def excluded(self) -> tuple[Window, ...]:
        """All that the files leave out of what is counted: maintenance, and what is off season."""
        return (*self.windows, *self.off_season)

    @property
    def tick_s(self) -> int:
        """Seconds between ticks: the greatest common divisor of all intervals, those near events included, reduced to a divisor of an
        hour.
        """
        near = (s.near_events.interval_s for s in self.sources.values() if s.near_events is not None)
        watched = (source.interval_s for source in (*self.sources.values(), *self.control))
        return tick_of((*watched, *(interval for interval in near if interval is not None)))

    @property
    def first_day(self) -> date:
        """Of trends and reports: `report_start`, else the first of the month before last. A fixed day would leave years of
        empty partitions.
        """
        if self.settings.report_start is not None:
            return self.settings.report_start
        now = from_epoch(self.loaded_at).date()
        for _ in range(2):
            now = now.replace(day=1) - timedelta(days=1)
        return now.replace(day=1)

    @property
    def first_week(self) -> date:
        """The Monday of its week."""
        return self.first_day - timedelta(days=self.first_day.weekday())

    @property
    def refresh_s(self) -> int:
        """Seconds after which an unchanged source is shown again in Dagster."""
        if self.settings.refresh is not None:
            return int(self.settings.refresh)
        return 3600 if len(self.sources) <= 100 else 86400

    @property
    def expectations_dir(self) -> Path:
        """Where the suites are: as set, relative to the configuration; else `expectations` beside it."""
        chosen = self.settings.expectations
        return self.dir / chosen if chosen else self.dir.parent / "expectations"


def tick_of(intervals: Iterable[int]) -> int:
    """5m and 15m -> 300; 7m -> 60 (a cron line cannot say every 7 minutes); none at all -> 300."""
    minutes = [seconds // 60 for seconds in intervals]
    return 60 * math.gcd(60, *minutes) if minutes else 300
