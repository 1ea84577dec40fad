"""Alerts and incidents as the pages show them: who is notified next, who said what, and what the month was like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Transition
from busta_health_dagster.domain.incident import Incident, IncidentSummary
from busta_health_dagster.domain.self_monitoring import DAGSTER
from busta_health_dagster.engines.alerting.escalation import Upcoming, upcoming
from busta_health_dagster.engines.service_levels import incidents as explanation
from busta_health_dagster.pipeline.service_levels.alert_spans import spans_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import OutboxRow

_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert with what happens next if no one acts (None: the clock stands, or nothing is left to say)."""

    alert: Alert
    next: Upcoming | None
    transitions: tuple[Transition, ...] = ()
    sent: tuple[OutboxRow, ...] = ()

    @property
    def open(self) -> bool:
        return self.alert.state is AlertState.OPEN

    @property
    def notifies_nobody(self) -> bool:
        return self.alert.shadow or bool(self.alert.suppressed_by)


def shown(
    alerts: Iterable[Alert],
    now: int,
    steady: float,
    past: Mapping[int, tuple[Transition, ...]] | None = None,
    sent: Mapping[int, tuple[OutboxRow, ...]] | None = None,
) -> tuple[ShownAlert, ...]:
    """Open ones that tell someone first, by severity, then longest first; pending ones after them.

    `steady` is the steady clock's reading; `past` and `sent` are what happened to each alert and what was sent, by id.
    """
    found = [
        ShownAlert(
            alert,
            upcoming(alert, now, steady) if alert.state is AlertState.OPEN else None,
            (past or {}).get(alert.id or 0, ()),
            (sent or {}).get(alert.id or 0, ()),
        )
        for alert in alerts
        if alert.active
    ]
    return tuple(sorted(found, key=_urgency))


def _urgency(one: ShownAlert) -> tuple[bool, bool, bool, int, int, str]:
    alert = one.alert
    return (
        not one.open,
        one.notifies_nobody,
        alert.ack is not None or alert.snoozed is not None,
        -int(alert.severity),
        alert.opened_at or alert.pending_at or 0,
        alert.fingerprint,
    )


@dataclass(frozen=True, slots=True)
class Month:
    """Incidents that touch the last 30 days, with the numbers of those resolved in it and in the 30 days before."""

    incidents: tuple[Incident, ...] = ()
    now: IncidentSummary | None = None
    before: IncidentSummary | None = None
    week: IncidentSummary | None = None
    week_before: IncidentSummary | None = None


def month(app: App, uow: UnitOfWork, sources: Mapping[str, Source], now: int, up_s: Mapping[str, float]) -> Month:
    """Of these sources and of the Dagster instance. `up_s`: good seconds of each source in the last 30 days, for the MTBF."""
    until = now + 1  # what happened in this second has happened
    every = explanation.build(
        spans_of(app, uow, {**sources, DAGSTER.name: DAGSTER}, since=until - 62 * _DAY_S, at=until)
    )
    whole = sum(up_s.values())

    def figures(since: int, end: int, up: float | None = None) -> IncidentSummary:
        return explanation.summarise(every, since=since, until=end, up_s=up)

    return Month(
        incidents=tuple(i for i in every if i.resolved_at is None or i.resolved_at >= until - 30 * _DAY_S),
        now=figures(until - 30 * _DAY_S, until, whole or None),
        before=figures(until - 60 * _DAY_S, until - 30 * _DAY_S),
        week=figures(until - 7 * _DAY_S, until),
        week_before=figures(until - 14 * _DAY_S, until - 7 * _DAY_S),
    )
