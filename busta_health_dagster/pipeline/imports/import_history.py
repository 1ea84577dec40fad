"""History from files into the store, replayed through the real engines so that its alerts and incidents exist.

Nothing is delivered, and what is still open when a source's history ends is closed with the reason `import ended`.
Importing again replaces: the lines of the file win at their slots, and the alerts of that stretch are raised again.
"""

from __future__ import annotations

from calendar import timegm
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import iso, parse_seconds
from busta_health_dagster.pipeline.anomaly.fleet_detector import known_events
from busta_health_dagster.pipeline.backtest.history_files import (
    BY,
    Rejected,
    Rejections,
    as_it_comes,
    events_of,
    windows_of,
)
from busta_health_dagster.pipeline.backtest.replay import Replay, ReplayInput, ticks_of
from busta_health_dagster.pipeline.imports.import_alerts import ENDED, Collector, save
from busta_health_dagster.pipeline.maintenance.index import exclusions
from busta_health_dagster.store.catalogue import read_catalogue
from busta_health_dagster.store.importing import import_observations
from busta_health_dagster.store.observation_csv import write_observations
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.baseline.known_events import KnownEvent
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.imports.import_alerts import Raised
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.catalogue import Catalogue
    from busta_health_dagster.store.history import ObservationRow

RAISED = "imported_alerts"
"""Where the store remembers which alerts came from files: source -> (id, when it began)."""
_DAY_S = 86400
Slots = dict[str, tuple[int, int]]
"""First and last slot of each source."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `stored`, `replaced`, `unchanged` count observations; `windows` are those of the calendar;
    `folded` lines had to share a slot.
    """

    stored: int
    replaced: int
    unchanged: int
    sources: Mapping[str, tuple[int, int]]
    alerts: int
    windows: int
    rejected: Sequence[Rejected] = field(default_factory=tuple)
    more_rejected: int = 0
    folded: int = 0

    def sentence(self) -> str:
        """One line for a person."""
        if not self.sources:
            return "Nothing was imported."
        since, until = min(s[0] for s in self.sources.values()), max(s[1] for s in self.sources.values())
        there = (
            f" ({self.replaced:,} replaced, {self.unchanged:,} as before)" if self.replaced or self.unchanged else ""
        )
        folded = (
            f"{self.folded:,} lines shared their slot with others and were counted together; " if self.folded else ""
        )
        planned = f"{plural(self.windows, 'maintenance window')}, " if self.windows else ""
        return (
            f"{plural(self.stored + self.replaced + self.unchanged, 'observation')}{there} of "
            f"{plural(len(self.sources), 'source')}, {iso(since)} to {iso(until)}; {folded}{planned}"
            f"{plural(self.alerts, 'alert')} replayed, no one was notified; "
            f"{plural(len(self.rejected) + self.more_rejected, 'line')} rejected."
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "stored": self.stored,
            "replaced": self.replaced,
            "unchanged": self.unchanged,
            "sources": {name: {"since": iso(a), "last": iso(b)} for name, (a, b) in self.sources.items()},
            "alerts": self.alerts,
            "windows": self.windows,
            "folded": self.folded,
            "rejected": [{"where": r.where, "reason": r.reason} for r in self.rejected],
            "more_rejected": self.more_rejected,
        }


def import_history(
    app: App, path: Path, advance: Callable[[int, int | None], None] = lambda _done, _total: None
) -> ImportReport:
    """Take in a CSV or a folder of them. `advance(done, total)` is called with the lines read, then observations replayed.

    Raises:
        BadInput: the file cannot be read, or nothing in it can be used.
        StoreError: the store cannot be written. What a failed import left half done, importing again fixes.
    """
    catalogue = read_catalogue(path)
    latest = dict.fromkeys(app.config.sources, app.now())
    found = import_observations(app.store, path, app.now(), lambda n: advance(n, None), not_after=latest)
    rejections = Rejections()
    for one in found.rejected:
        rejections.add(f"{one.file}:{one.line}", one.reason)
    for entry in catalogue.calendar:
        if entry.source is not None and entry.source not in found.slots:
            rejections.add(
                "calendar.json", f"{entry.kind} of {iso(entry.start)} names {entry.source}, which is not here"
            )
    if not found.slots:
        first = f" First reason: {rejections.listed[0].reason}" if rejections.listed else ""
        raise BadInput(f"{path} holds no observation that can be used.{first}")
    sources = {
        name: app.config.sources.get(name) or as_it_comes(name, found.intervals[name], catalogue, app.config)
        for name in sorted(found.slots)
    }
    added = _plan(app, catalogue, found.slots)
    raised = replay_stored(app, sources, found.slots, events=events_of(catalogue), advance=advance)
    return ImportReport(
        found.stored,
        found.replaced,
        found.unchanged,
        found.slots,
        raised,
        added,
        tuple(rejections.listed),
        rejections.more,
        found.folded,
    )


def _plan(app: App, catalogue: Catalogue, slots: Slots) -> int:
    """The calendar's maintenance becomes windows of the store; those of an earlier import of this stretch go."""
    since, until = min(s[0] for s in slots.values()), max(s[1] for s in slots.values())
    with app.store.write() as uow:
        for window in uow.maintenance.all():
            start = timegm(window.start.timetuple())
            overlaps = start <= until and start + window.duration_s > since
            if window.by == BY and overlaps and set(window.select.names) <= slots.keys():
                assert window.id is not None
                uow.maintenance.remove(window.id, app.now())
        return len([uow.maintenance.add(w, app.now()) for w in windows_of(catalogue, slots)])


def replay_stored(
    app: App,
    sources: Mapping[str, Source],
    slots: Slots,
    *,
    events: Iterable[KnownEvent] = (),
    advance: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> int:
    """Raise the alerts that the observations stored in `slots` (first and last per source) would have raised, -> how
    many. No one is notified. Those that an earlier replay raised there are replaced; those that the monitor itself raised
    stay. Shadow rules notify no one and make no incident: they are left out.
    """
    ends = {name: last + sources[name].interval_s for name, (_, last) in slots.items()}
    since, until = min(first for first, _ in slots.values()), max(ends.values())
    with app.store.read() as uow:
        planned = exclusions(app, uow)
    script = ReplayInput(
        sources,
        tuple(r for r in app.config.rules if not r.shadow),
        app.config.policy,
        planned,
        since,
        until,
        events=(*events, *known_events(app.config.events, sources, since, until)),
    )
    replay = Replay(script, leaves=ends, leaving=ENDED)
    replay.last_seen({name: last for name, (_, last) in slots.items()})
    collector = Collector(replay.book)
    total = sum((last - first) // sources[name].interval_s + 1 for name, (first, last) in slots.items())
    for changes in replay.run(_stored(app, slots, since, until), advance=advance, total=total):
        collector.take(changes)
    with app.store.write() as uow:
        marks = {name: replay.book.planned.intervals(source) for name, source in sources.items()}
        for name, (first, _) in slots.items():
            planned_now = any(a < ends[name] and b > first for a, b in marks[name])
            if planned_now or uow.observations.any_in_maintenance(name, first, ends[name]):
                uow.rollups.recompute([name], first, ends[name], marks)
        known = {name: [(key, at) for key, at in some] for name, some in uow.meta.get(RAISED, {}).items()}
        raised = _without_notified(
            uow, collector.worth_keeping(), sources, {k for some in known.values() for k, _ in some}
        )
        earlier = [k for n, (a, _) in slots.items() for k, at in known.get(n, ()) if a <= at <= ends[n]]
        born = save(uow, raised, earlier)
        for name in slots:
            known[name] = [pair for pair in known.get(name, ()) if pair[0] not in earlier] + born.get(name, [])
        uow.meta.put(RAISED, known)
        # The live rules do not check these slots again; what they remember is built again, with these slots in it.
        uow.states.set_evaluated({name: last for name, (_, last) in slots.items()})
        uow.rule_windows.put({name: {} for name in slots if name in app.config.sources})
    return len(raised)


def _stored(app: App, slots: Slots, since: int, until: int) -> Iterator[tuple[int, list[tuple[str, ObservationRow]]]]:
    """The imported stretches as the store holds them now, slot by slot, a day at a time."""
    for day in range(since, until, _DAY_S):
        with app.store.read() as uow:
            observations = uow.observations.columns(day, min(day + _DAY_S, until), list(slots))
        yield from ticks_of(
            {n: [x for x in some if slots[n][0] <= x.slot <= slots[n][1]] for n, some in observations.items()}
        )


def _without_notified(
    uow: UnitOfWork, raised: Sequence[Raised], sources: Collection[str], imported: Collection[int]
) -> list[Raised]:
    """What the monitor itself had seen and sent is not raised a second time."""
    live: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for alert in uow.alerts.list(sources=list(sources), since=0, limit=1_000_000):
        if alert.id not in imported and alert.opened_at is not None:
            live[alert.fingerprint].append((alert.opened_at, alert.resolved_at or 1 << 62))

    def notified(alert: Alert) -> bool:
        begin, end = alert.opened_at or 0, alert.resolved_at or 1 << 62
        return any(a <= end and begin <= b for a, b in live[alert.fingerprint])

    return [r for r in raised if not notified(r.alert)]


def export_history(app: App, names: Sequence[str] | None, since: str, handle: TextIO) -> None:
    """Observations as CSV in the shape that `import_history` reads, oldest first.

    Raises:
        BadInput: `since` is not a duration.
        UnknownName: a source that the store does not know.
    """
    try:
        span = int(parse_seconds(since))
    except ValueError as error:
        raise BadInput(f"since: {error}") from error
    now = app.now()
    with app.store.read() as uow:
        write_observations(handle, uow.observations.iter_ticks(now - span, now + 1, names or None))
