"""The asset checks of every source as they are now, as Dagster may show them: decided ones only, and none of a rule that is on
trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.engines.rules import ANOMALY_CHECK, painted
from busta_health_dagster.engines.seasons import without_verdicts
from busta_health_dagster.pipeline.alerting import evaluation
from busta_health_dagster.pipeline.anomaly import anomaly_pass
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.gate.verdicts import USABLE_CHECK, unscored, usable_check, verdicts
from busta_health_dagster.pipeline.maintenance.index import maintenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.engines.maintenance import MaintenanceIndex
    from busta_health_dagster.pipeline.alerting.engine import SourceRuleState
    from busta_health_dagster.pipeline.app.app import App


def asset_checks(
    app: App,
    states: Mapping[str, SourceState],
    rule_states: Mapping[str, SourceRuleState],
    planned: MaintenanceIndex,
    now: int,
) -> dict[str, dict[str, CheckVerdict]]:
    """By source and check, with the severity that paints them; the gate stays as it is."""
    with app.store.read() as uow:
        usable = verdicts(app, uow, states, list(rule_states))
        near = near_events(app, uow, now)
        no_scores = uow.quality.no_scores(unscored(states[name] for name in rule_states))
    anomalies = anomaly_pass.checks(app, states, now)
    out: dict[str, dict[str, CheckVerdict]] = {}
    for name, checks in evaluation.verdicts_of(app, states, rule_states, now, no_scores, near).items():
        shown = {**checks, USABLE_CHECK: usable_check(usable[name])}
        if name in anomalies:
            shown[ANOMALY_CHECK] = anomalies[name]
        shown = without_verdicts(shown, app.config.sources[name], now) | {
            USABLE_CHECK: shown[USABLE_CHECK]
        }  # always decided
        out[name] = painted(
            shown,
            in_maintenance=planned.covers(app.config.sources[name], now),
            paint_degraded=app.config.settings.dagster.paint_degraded,
            blocking=USABLE_CHECK,
        )
    return out


def stored_checks(app: App, names: Sequence[str]) -> dict[str, dict[str, CheckVerdict]]:
    """The same of these sources, from the store alone: nothing is observed, evaluated or written. A score that came since the
    rules were evaluated counts.
    """
    now = app.now()
    with app.store.read() as uow:
        states = uow.states.of(names)
        batch = evaluation.load_windows(uow, app.rulebook, states, list(states))
        for name, score in evaluation.newer_scores(uow, batch, states).items():
            batch.rule_states[name].window.score = score
        planned = maintenance(app, uow, now - 1, now + 1)
    return asset_checks(app, states, batch.rule_states, planned, now)
