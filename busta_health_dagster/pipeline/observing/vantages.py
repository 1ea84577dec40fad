"""Sources that are observed from several vantage points: each stores what it sees, and the monitor makes one verdict of a slot.

A vantage point probes and writes its answers, nothing else. `close_slots` runs where the monitor is: in its tick and its alert
sensor. What it stores is an ordinary observation, so that rules, service levels and pages go on as for any other source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.quorum import is_closed, verdict
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.app.vantages import note_report
from busta_health_dagster.pipeline.observing.calendars import take_event_times
from busta_health_dagster.pipeline.observing.observe import TICK_SHARE, probe_due, scrubbed, store_observations

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App


def observe_from(app: App, vantage: str, shard: int | None = None) -> list[Observation]:
    """What this vantage point sees, now, of the sources that it has not answered for in their present slot; stored."""
    now = app.now()
    mine = [s for s in app.config.sources.values() if vantage in s.vantages and (shard is None or s.shard == shard)]
    present = {s.name: floor_to(now, s.interval_s) for s in mine}
    with app.store.read() as uow:
        states, near = uow.states.all(), near_events(app, uow, now)
        answered = uow.vantages.answered(vantage, set(present.values()))
    todo = [(s, present[s.name]) for s in mine if (s.name, present[s.name]) not in answered]
    seen = probe_due(app, todo, states, near, budget_s=TICK_SHARE * app.config.tick_s)
    seen = [scrubbed(app, o) for o in seen]
    with app.store.write() as uow:
        uow.vantages.add(vantage, seen)
        uow.samples.put({o.source: o.sample for o in seen if o.sample is not None}, app.now())
        take_event_times(app, uow, (o for o in seen if o.event_times is not None))
        if vantage in app.config.settings.vantages:
            note_report(uow, vantage, app.now())
    return seen


def close_slots(app: App) -> list[Observation]:
    """Make the verdict of every slot that is over, by quorum; -> what was newly stored. It costs nothing where no source has
    vantage points, and next to nothing where no slot is open.
    """
    watched = [s for s in app.config.sources.values() if s.vantages]
    if not watched:
        return []
    now, quorum = app.now(), app.config.settings.quorum
    with app.store.read() as uow:
        states, tick = uow.states.all(), uow.meta.get(LAST_TICK)
        begun = None if tick is None else tick["started_at"]
        open_ = [
            (source, slot)
            for source in watched
            for slot in _open(source, states[source.name].scheduled_slot if source.name in states else None, now)
        ]
        if not open_:
            return []
        came = uow.vantages.at({s.name for s, _ in open_}, {slot for _, slot in open_})
    seen = []
    for source, slot in open_:
        answers = came.get((source.name, slot), {})
        if not answers and (begun is None or not slot <= begun < slot + source.interval_s):
            continue  # no one was asked in that slot: it was missed, not unanswered
        statuses = {name: o.status for name, o in answers.items()}
        if is_closed(statuses, source.vantages, quorum, now - slot, source.interval_s):
            seen.append(verdict(source.name, slot, answers, source.vantages, quorum, now))
    stored = store_observations(app, seen)
    if stored:
        with app.store.write() as uow:
            uow.vantages.closed((o.source, o.slot) for o in stored)
    return stored


def _open(source: Source, closed: int | None, now: int) -> list[int]:
    """The present slot and the one before, as far as they have no verdict; older ones stay unknown."""
    present = floor_to(now, source.interval_s)
    return [slot for slot in (present - source.interval_s, present) if closed is None or slot > closed]
