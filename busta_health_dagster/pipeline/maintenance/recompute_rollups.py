"""The past, counted with the maintenance and the seasons as they are known now.

Windows that people add, change or remove are counted at once. The file is edited behind our back: every process that
may write compares it with what the past was counted with, and counts again where the two differ, and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from busta_health_dagster.engines.maintenance import MaintenanceIndex, differences, merged
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.maintenance.index import maintenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.engines.maintenance import Interval
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


def settle_windows(app: App) -> int:
    """Let the past agree with maintenance.yaml, -> how many observations got another mark."""
    with app.store.read() as uow:
        counted = uow.maintenance.counted_with()
        if counted is not None and uow.maintenance.is_counted_with(app.config.excluded):
            return 0
    now = int(app.now())
    with app.store.write() as uow:
        spans = moved_windows(app, uow, now) if counted is not None else {}
        uow.maintenance.set_counted_with(app.config.excluded)
        return recount(app, uow, spans)


def moved_windows(app: App, uow: UnitOfWork, until: int) -> dict[str, tuple[Interval, ...]]:
    """Where the file says something else of the past than what it was counted with: source -> stretches before
    `until`. Empty when it agrees.
    """
    if uow.maintenance.is_counted_with(app.config.excluded):
        return {}
    first = uow.observations.first_slot()
    counted = uow.maintenance.counted_with()
    if first is None or counted is None or first >= until:
        return {}
    added = uow.maintenance.all()
    before = MaintenanceIndex((*counted, *added), first, until)
    after = MaintenanceIndex((*app.config.excluded, *added), first, until)
    found = {}
    for name, source in known_sources(app, uow, None).items():
        spans = differences(before.intervals(source), after.intervals(source))
        mine = tuple((a, min(b, until)) for a, b in spans if a < until and b > first)
        if mine:
            found[name] = mine
    return found


def recompute_changed(app: App, uow: UnitOfWork, changed: Sequence[Window], now: int) -> int:
    """Count the occurrences of these windows again, as the windows are now, -> how many observations got another mark."""
    first = uow.observations.first_slot()
    if first is None or first >= now:
        return 0
    index = MaintenanceIndex(changed, first, now)
    spans = {
        name: tuple((a, min(b, now)) for a, b in index.intervals(source) if a < now)
        for name, source in known_sources(app, uow, None).items()
    }
    return recount(app, uow, {name: mine for name, mine in spans.items() if mine})


def recount(app: App, uow: UnitOfWork, spans: Mapping[str, Sequence[Interval]]) -> int:
    """Mark and count these stretches again."""
    known = {s.name for s in uow.sources.all()}
    sources = {name: s for name, s in known_sources(app, uow, None).items() if name in spans and name in known}
    together: dict[tuple[Interval, ...], list[str]] = defaultdict(list)
    for name in sources:
        together[merged(spans[name])].append(name)
    marked = 0
    for stretches, names in together.items():
        for since, until in stretches:
            index = maintenance(app, uow, since, until)
            marks = {name: index.intervals(sources[name]) for name in names}
            marked += uow.rollups.recompute(names, since, until, marks).observations
    # What the rules remember left these slots out, or kept them: let the next pass read them again.
    uow.rule_windows.put({name: {} for name in uow.rule_windows.all(list(sources))} if sources else {})
    return marked
