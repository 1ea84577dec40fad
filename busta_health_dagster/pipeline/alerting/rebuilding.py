"""What a message gets when it is sent: the service level of its source, and where it is late what is true by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import AlertState, Event
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.uptime_and_budget import percent
from busta_health_dagster.engines.alerting.grouping import NotificationPlan
from busta_health_dagster.engines.undelivered import FIRING
from busta_health_dagster.pipeline.alerting.commit import notification_context
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.alerting.notifications import build_notification
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.service_levels.windows import WINDOWS_S, sla_of, window_end

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import OutboxRow

LATE_S = 60
"""A message is late when it is sent so long after it was written."""


def as_sent_now(app: App, uow: UnitOfWork, row: OutboxRow, written: Notification) -> Notification:
    """The message as it has to be sent: again from the alerts where it is late and they are still open, and saying from
    when it is; a resolution, to someone who was never notified that it fired, as one message of the past.
    """
    late = app.now() - written.at >= LATE_S
    if not row.message.alert_ids or not (late or written.kind is NotificationKind.RESOLVED):
        return written
    alerts = [a for a in uow.alerts.by_ids(row.message.alert_ids) if a.id is not None]
    if written.kind is NotificationKind.RESOLVED:
        known = any(uow.outbox.thread(row.message.thread, row.message.channel)[1])
        past = not known and bool(alerts)  # it names its times: nothing has to say that it is late
        return replace(written, late_from=written.at if late and not past else None, past=past)
    still_open = [a for a in alerts if a.state is AlertState.OPEN]
    if written.kind not in FIRING or not still_open:
        return written
    plan = NotificationPlan(
        row.message.channel,
        row.message.thread,
        Event.RESOLVED if written.kind is NotificationKind.UPDATED else Event(written.kind.value),
        tuple(a.fingerprint for a in still_open),
        max(a.severity for a in still_open),
        written.reason,
        row.message.key,
        written.at,
        storm=written.group is not None and written.group.storm,
        cause=written.group.cause if written.group is not None else "",
        open_left=len(still_open) if written.kind is NotificationKind.UPDATED else 0,
    )
    known_alerts = {a.fingerprint: a for a in (*uow.alerts.open(), *still_open)}
    states = {n: s for n, s in uow.states.all().items() if n in app.config.sources}
    steady = read_clock(app, uow).at
    context = notification_context(app, uow, known_alerts, [plan], now=app.now(), steady=steady, states=states)
    return replace(
        build_notification(plan, context), on_behalf_of=written.on_behalf_of, late_from=written.at, kind=written.kind
    )


def with_service_level(app: App, uow: UnitOfWork, notification: Notification) -> Notification:
    """With "99.50% over 30 days; budget left 3%" of its source. Read here and not when the alert is stored: a month of
    rollups for a line of decoration would hold every alert's transaction.
    """
    source = app.config.sources.get(notification.source.name) if notification.source else None
    if source is None or notification.source is None:
        return notification
    now = int(app.now())
    until = window_end(uow.states.newest_slot(now), now)
    span = (until - WINDOWS_S["30d"], until)
    counted = uow.rollups.summary([source.name], {"30d": span})[source.name].get("30d")
    planned = maintenance(app, uow, span[0], max(until, now) + 1).intervals(source)
    level = sla_of(source, "30d", span, counted, planned)
    if level is None or level.met is None:
        return notification  # a month of which an hour was watched: "uptime 0%, budget left -19900%" would be no fact
    facts = replace(notification.source, uptime_30d=percent(level.uptime), budget_left=percent(level.budget_left))
    return replace(notification, source=facts)
