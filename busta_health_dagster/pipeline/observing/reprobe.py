"""The observation just before a maintenance window ends: what is still failing alerts at the end, not a tick later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.observing.observe import check_now

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.pipeline.app.app import App


def reprobe(app: App, since: int) -> list[Observation]:
    """Probe once more, before their maintenance ends, at sources that would have alerted and are not checked in this
    tick (which began at `since`): still failing, the alert opens at the end.
    """
    now, tick_s = app.now(), app.config.tick_s
    with app.store.read() as uow:
        held = {a.source for a in uow.alerts.watched().values() if a.suppressed_by.startswith("maintenance")}
        if not held:
            return []
        index = maintenance(app, uow, now, now + tick_s + 1)
        states = uow.states.all()
    sources = [s for name in sorted(held) if (s := app.config.sources.get(name)) is not None]
    ending = [
        s
        for s in sources
        if not s.vantages
        and (inside := index.interval_at(s, now)) is not None
        and inside[1] <= now + tick_s
        and s.name in states
        and states[s.name].observed_at < since
    ]
    return check_now(app, ending) if ending else []
