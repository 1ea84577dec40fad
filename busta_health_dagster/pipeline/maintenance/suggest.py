"""Outages with a habit, read from the stored observations: windows to propose."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.engines.maintenance_suggestions import habits, outages
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.maintenance.index import maintenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.service import WindowSuggestion
    from busta_health_dagster.engines.maintenance_suggestions import Habit
    from busta_health_dagster.pipeline.app.app import App


def suggestions(app: App, names: Sequence[str] | None, since_s: int) -> list[WindowSuggestion]:
    """One window per source at most, the one that covers the most nights first; what lies in a window already is left out."""
    now = app.now()
    zone = app.config.settings.schedule.zone
    found: list[WindowSuggestion] = []
    with app.store.read() as uow:
        sources = known_sources(app, uow, names)
        stored = {s.name for s in uow.sources.all()}
        planned = maintenance(app, uow, now - since_s, now + 1)
        for name in sorted(stored & set(sources)):
            source = sources[name]
            observed = uow.observations.columns(now - since_s, now + 1, [name])[name]
            slots = ((o.slot, o.status == Status.DOWN and not planned.covers(source, o.slot)) for o in observed)
            down = outages(slots, source.interval_s)
            found += [_document(name, habit, zone) for habit in habits(down, now, ZoneInfo(zone))]
    return sorted(found, key=lambda row: (-len(row["nights"]), row["source"]))


def _document(source: str, habit: Habit, zone: str) -> WindowSuggestion:
    start = f"{habit.next:%Y-%m-%dT%H:%M}"
    name = f"{source.replace('_', '-')}-{'nightly' if habit.every == 'day' else 'weekly'}-{habit.next:%H%M}"
    lasts = config_duration(habit.duration_s)
    return {
        "source": source,
        "every": habit.every,
        "start": start,
        "zone": zone,
        "duration": lasts,
        "rrule": habit.rrule,
        "nights": [night.isoformat() for night in habit.nights],
        "of": habit.of,
        "command": f'busta maintenance add {name} --for {lasts} --start {start} --zone {zone} --rrule "{habit.rrule}" --source {source}',
    }
