"""Alerts that are over, a page at a time: the rows of `alerts list --state resolved`, of the whole time that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.pipeline.alerting.notification_facts import incident_of
from busta_health_dagster.pipeline.views.alert_list import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.alerts import AlertRow
    from busta_health_dagster.pipeline.app.app import App


@dataclass(frozen=True, slots=True)
class PastAlert:
    """One alert that is over; `incident` is the id that leads to its incident, None where it made none."""

    row: AlertRow
    incident: str | None


@dataclass(frozen=True, slots=True)
class AlertHistory:
    """A page of past alerts, how many there are in all, and the rules that the filter may name."""

    alerts: tuple[PastAlert, ...]
    total: int
    rules: Sequence[str]


def alert_history(
    app: App,
    *,
    source: str = "",
    rule: str = "",
    severity: str = "",
    offset: int = 0,
    limit: int = 50,
) -> AlertHistory:
    """Newest end first. Reads only."""
    now = app.now()
    level = next((s for s in Severity if s.word == severity), None)
    with app.store.read() as uow:
        total, found = uow.alerts.over(
            sources=[source] if source else (), rule=rule, severity=level, offset=offset, limit=limit
        )
        rules = uow.alerts.rules()
    past = (PastAlert(Row(a, now).as_json(), incident_of(a, app.rulebook.rule(a.source, a.rule))) for a in found)
    return AlertHistory(tuple(past), total, rules)
