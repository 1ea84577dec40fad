"""Observe again what has just failed, before anyone is notified (`confirm` of a rule): between the ticks, outside SLA."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Kind, Status
from busta_health_dagster.engines.alerting.confirmation import due
from busta_health_dagster.engines.light import is_light
from busta_health_dagster.engines.near_events import full_every_s
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.observing.observe import probe, store_observations

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

MOST = 50
"""So many at once: where more fail, the fault is not a blip, and the next slot decides."""
BUDGET_S = 15.0


def confirm(app: App) -> list[Observation]:
    """Observe again the sources whose failure waits to be confirmed; one attempt each. One that cannot be observed confirms
    nothing, and is not stored. From here no one can tell how a source is seen from its vantage points: the next slot does.
    """
    sources = _waiting(app)
    if not 0 < len(sources) <= MOST:
        return []
    app.heartbeats.refresh()
    now = app.now()
    asked = [(replace(source, confirm=0), now) for source in sources]
    with app.store.read() as uow:
        states, near = uow.states.of([source.name for source in sources]), near_events(app, uow, now)
    light = {s.name for s in sources if is_light(s, states.get(s.name), now, full_every_s(s, near.get(s.name)))}
    seen = probe(app, asked, Kind.CONFIRMATION, light, budget_s=BUDGET_S)
    return store_observations(app, [o for o in seen if o.status is not Status.UNKNOWN])


def _waiting(app: App) -> list[Source]:
    now, rules = app.now(), app.rulebook
    with app.store.read() as uow:
        alerts = uow.alerts.watched().values()
        if not any(rule.confirm for a in alerts if (rule := rules.rule(a.source, a.rule)) is not None):
            return []
        states = uow.states.all()
    found = {}
    for alert in alerts:
        source, rule = app.config.sources.get(alert.source), rules.rule(alert.source, alert.rule)
        state = states.get(alert.source)
        if source is None or rule is None or state is None or now < state.not_before or source.vantages:
            continue
        if due(alert, rule, source, state.observed_at, now):
            found[source.name] = source
    return [found[name] for name in sorted(found)]
