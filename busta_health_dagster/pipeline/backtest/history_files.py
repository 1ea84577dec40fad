"""History that lies in files, as the replay reads it: a CSV of observations, or a folder with its catalogue."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.source import IMPORTED, Selector, Source
from busta_health_dagster.domain.units import floor_to, from_epoch, iso
from busta_health_dagster.engines.baseline.known_events import KnownEvent
from busta_health_dagster.store.catalogue import Catalogue, ImportedSource, read_catalogue
from busta_health_dagster.store.history import ObservationRow
from busta_health_dagster.store.importing import infer_interval
from busta_health_dagster.store.observation_csv import Row, read_observations
from busta_health_dagster.store.slot_merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from busta_health_dagster.settings import Config

BY = "import"
"""Who added a maintenance window that comes from a calendar.json."""
SHOWN_AT_MOST = 100
_PROGRESS_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not taken: `history.csv:17`, and why."""

    where: str
    reason: str


@dataclass(slots=True)
class Rejections:
    """The first hundred of them, and how many more."""

    listed: list[Rejected] = field(default_factory=list)
    more: int = 0

    def add(self, where: str, reason: str) -> None:
        if len(self.listed) < SHOWN_AT_MOST:
            self.listed.append(Rejected(where, reason))
        else:
            self.more += 1


@dataclass(frozen=True, slots=True)
class FileHistory:
    """What the files say. `looks` are per source, oldest first, one per slot."""

    observations: Mapping[str, list[ObservationRow]]
    sources: Mapping[str, Source]
    catalogue: Catalogue
    rejections: Rejections

    @property
    def span(self) -> tuple[int, int]:
        """[first slot, end of the last slot)."""
        ends = [
            observations[-1].slot + self.sources[name].interval_s for name, observations in self.observations.items()
        ]
        return min(observations[0].slot for observations in self.observations.values()), max(ends)


def read_history(
    path: Path,
    config: Config | None,
    advance: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> FileHistory:
    """Read a CSV or a folder into memory. Sources are as configured, else as they come.

    Raises:
        BadInput: nothing there, nothing in it can be used, or sources.json or calendar.json is wrong.
    """
    catalogue, rejections = read_catalogue(path), Rejections()
    rows: dict[str, list[Row]] = defaultdict(list)
    for done, row in enumerate(read_observations(path), 1):
        if isinstance(row, Row):
            rows[row.source].append(row)
        else:
            rejections.add(f"{row.file}:{row.line}", row.reason)
        if done % _PROGRESS_EVERY == 0:
            advance(done, None)
    if not rows:
        first = rejections.listed[0] if rejections.listed else None
        why = f" First reason: {first.where}: {first.reason}" if first else ""
        raise BadInput(f"{path} holds no observation that can be used.{why}")
    sources = {
        name: (config.sources.get(name) if config is not None else None)
        or as_it_comes(name, infer_interval([r.at for r in some]), catalogue, config)
        for name, some in sorted(rows.items())
    }
    observations = {name: _observations(rows[name], source.interval_s, rejections) for name, source in sources.items()}
    return FileHistory(observations, sources, catalogue, rejections)


def as_it_comes(name: str, interval_s: int, catalogue: Catalogue, config: Config | None) -> Source:
    """A source that no configuration names: what its type and the defaults of the configuration say holds for it."""
    facts = catalogue.sources.get(name, ImportedSource())
    if config is not None:
        return config.imported(name, facts.type, interval_s, facts.cadence_s)
    return Source(name, facts.type, IMPORTED, interval_s=interval_s, cadence_s=facts.cadence_s, where=BY)


def windows_of(catalogue: Catalogue, names: Collection[str]) -> tuple[Window, ...]:
    """The maintenance of the calendar as maintenance windows of these sources, and of no others."""
    every = tuple(sorted(names))
    return tuple(
        Window(
            name=f"{entry.kind} {iso(entry.start)}",
            select=Selector(names=(entry.source,) if entry.source else every),
            start=from_epoch(entry.start).replace(tzinfo=None),
            zone="UTC",
            duration_s=entry.end - entry.start,
            reason="imported from calendar.json",
            origin="store",
            by=BY,
            where="calendar.json",
        )
        for entry in catalogue.calendar
        if entry.is_maintenance
    )


def events_of(catalogue: Catalogue) -> tuple[KnownEvent, ...]:
    """Its known events: everything that is not maintenance."""
    return tuple(KnownEvent(e.kind, e.start, e.end, e.source) for e in catalogue.calendar if not e.is_maintenance)


def _observations(rows: Iterable[Row], interval_s: int, rejections: Rejections) -> list[ObservationRow]:
    by_slot: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_slot[floor_to(row.at, interval_s)].append(row)
    observations: list[ObservationRow] = []
    for slot, some in sorted(by_slot.items()):
        row, again = merge(some) if len(some) > 1 else (some[0], [])
        for one in again:
            rejections.add(f"{one.file}:{one.line}", one.reason)
        age = None if row.data_age_s is None else round(row.data_age_s)
        observations.append(
            ObservationRow(
                slot,
                int(row.status),
                row.response_ms,
                row.items,
                age,
                row.quality,
                1,
                False,
                False,
                metrics=row.metrics,
            )
        )
    return observations
