"""What is wrong with the monitor itself, for the banners of the pages: one list, the worst first.

A source's trouble is a row. This is about whether the rows can be believed, and whether anybody would hear of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.self_monitoring import (
    CONFIGURATION,
    INSTANCE_SLOW,
    MONITOR,
    NETWORK,
    OVERLOADED,
    SENSOR_STOPPED,
)
from busta_health_dagster.pipeline.alerting.monitor_rules import DO
from busta_health_dagster.pipeline.alerting.monotonic_clock import latest
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.app.store_failure import store_failure
from busta_health_dagster.pipeline.app.supervisor_failures import supervisor_failures
from busta_health_dagster.pipeline.delivery.breaker_state import channel_state
from busta_health_dagster.store.room import has_room
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

LATE_S = 900.0
"""A message that has waited so long, on a channel that says it works, is a delivery that does not run."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class MonitorAlert:
    """`grave`: what the page says of the sources is not to be believed. `since` is epoch seconds, `detail` may be long."""

    kind: str
    text: str
    remedy: str
    grave: bool = False
    since: int | None = None
    detail: str = ""


def self_monitoring_alerts(app: App, uow: UnitOfWork, alerts: Iterable[Alert]) -> tuple[MonitorAlert, ...]:
    """What the monitor says of itself, worst kinds first; nothing when nothing is wrong. `alerts` are the active ones.

    That the ticks have stopped is not here: the browser computes it, because then the server may be gone too.
    """
    about = {a.rule: a for a in alerts if a.source == MONITOR.name and a.opened_at is not None}
    return (
        *_store(app),
        *_supervisor(app),
        *_configuration(app, uow, about.get(CONFIGURATION.name)),
        *_alerted("network", NETWORK.name, about, grave=True),
        *_alerted("sensor-stopped", SENSOR_STOPPED.name, about),
        *_alerted("instance-slow", INSTANCE_SLOW.name, about),
        *_overloaded(about.get(OVERLOADED.name)),
        *_dead(uow),
        *_channels(app, uow),
    )


def _store(app: App) -> Iterator[MonitorAlert]:
    found = store_failure(app)
    if found is not None:
        text = "The store refuses what the monitor writes: what was seen since then is lost"
        yield MonitorAlert("store", text, found.text, grave=True, since=found.since)
    elif not has_room(app.home.root):  # Dagster starts no tick either, which could say so
        text = "The disk of the home has no room left: nothing is observed"
        do = f"Free space on the disk of {app.home.root} or shorten `retention:`; busta resumes by itself."
        yield MonitorAlert("store", text, do, grave=True)


def _supervisor(app: App) -> Iterator[MonitorAlert]:
    for found in supervisor_failures(app.home.supervisor_failures):
        yield MonitorAlert(
            "supervisor",
            f"{found.what}: {found.why}",
            "Free space or correct the permissions of the home; busta up tries again by itself.",
            since=found.since,
        )


def _configuration(app: App, uow: UnitOfWork, alert: Alert | None) -> Iterator[MonitorAlert]:
    tick = uow.meta.get(LAST_TICK) or {}
    problem = tick.get("config_problem") or app.config_problem
    if problem is None and alert is None:
        return
    yield MonitorAlert(
        "configuration",
        "The newest configuration was not accepted; the last good one stays in force",
        DO[CONFIGURATION.name],
        since=alert.opened_at if alert is not None else None,
        detail=problem or (alert.bad_reason if alert is not None else ""),
    )


def _alerted(kind: str, rule: str, about: Mapping[str, Alert], *, grave: bool = False) -> Iterator[MonitorAlert]:
    """What an alert about the monitor says, as it says it."""
    alert = about.get(rule)
    if alert is not None:
        text = f"{alert.bad_reason[:1].upper()}{alert.bad_reason[1:]}"
        yield MonitorAlert(kind, text, DO[rule], grave=grave, since=alert.opened_at)


def _overloaded(alert: Alert | None) -> Iterator[MonitorAlert]:
    if alert is not None:
        text = f"The monitor is overloaded: {alert.bad_reason}"
        yield MonitorAlert("overload", text, DO[OVERLOADED.name], since=alert.opened_at)


def _dead(uow: UnitOfWork) -> Iterator[MonitorAlert]:
    n = uow.outbox.counts()["dead"]
    if not n:
        return
    rows = uow.outbox.list("dead", limit=200)
    by_channel = Counter(row.message.channel for row in rows)
    newest = {row.message.channel: row for row in reversed(rows)}
    said = [f"{name} ({count}): {newest[name].reason or 'given up'}" for name, count in by_channel.most_common(_NAMED)]
    rest = len(by_channel) - _NAMED
    tail = f"; and {plural(rest, 'more channel')}" if rest > 0 else ""
    finished = [int(row.finished_at) for row in rows if row.finished_at is not None]
    yield MonitorAlert(
        "dead-letters",
        f"{plural(n, 'notification was', 'notifications were')} given up. {'; '.join(said)}{tail}",
        "Correct the channel, then retry them: busta alerts outbox --retry.",
        since=min(finished, default=None),
    )


def failing_channels(app: App, uow: UnitOfWork) -> dict[str, str]:
    """Channel -> why nothing arrives through it at present; those that deliver are left out."""
    now = latest(app, uow)
    load = uow.outbox.load(now)
    found = {}
    for name in app.config.policy.channels:
        state = channel_state(uow, name, now)
        waiting = load[name].due if name in load else 0
        allowed, why = state.may_send(now)
        if state.breaker.open_until is None and (allowed or not waiting):
            continue
        wait = f" {waiting:,} message{'s wait' if waiting != 1 else ' waits'}." if waiting else ""
        found[name] = f"{why}.{wait}"
    return found


def _channels(app: App, uow: UnitOfWork) -> Iterator[MonitorAlert]:
    failing = failing_channels(app, uow)
    for name, why in failing.items():
        yield MonitorAlert("channel", f"Channel {name} does not deliver: {why}", f"See busta alerts test {name}.")
    oldest = uow.outbox.oldest_age_s(app.now())
    if oldest > LATE_S and not failing:
        yield MonitorAlert(
            "late",
            f"A notification has waited for {duration_text(oldest)}",
            "Check the notification_sensor in Dagster, and at: busta alerts outbox.",
        )
