"""What the rules of sources that are introduced would have sent: their alerts were recorded and notified no one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.pipeline.app.source_lookup import known_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.documents.rollout import RolloutRow, WouldHaveSent
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

REACHES_BACK_S = 30 * 86_400
_MOST = 10_000


def rollout(app: App, names: Sequence[str] | None = None) -> list[RolloutRow]:
    """Every source with `rollout`, the one that is live soonest first; `names` are those asked about.

    Raises:
        UnknownName: no source is called so.
    """
    now = app.now()
    with app.store.read() as uow:
        known_sources(app, uow, names)
        waiting = [s for s in app.config.sources.values() if s.shadow_until is not None]
        waiting = [s for s in waiting if not names or s.name in names]
        asked = [s.name for s in waiting]
        alerts = uow.alerts.list(sources=asked, since=now - REACHES_BACK_S, limit=_MOST) if asked else []
    waiting.sort(key=lambda s: (s.shadow_until or 0, s.name))
    return [_row(app, s, [a for a in alerts if a.source == s.name and a.shadow], now) for s in waiting]


def _row(app: App, source: Source, alerts: Sequence[Alert], now: int) -> RolloutRow:
    until = source.shadow_until or 0
    return {
        "source": source.name,
        "until": iso(until),
        "shadow": now < until,
        "since": iso(now - REACHES_BACK_S),
        "config": source.where,
        "rules": [
            _sent(app, source, rule, [a for a in alerts if a.rule == rule], now)
            for rule in sorted({a.rule for a in alerts})
        ],
    }


def _sent(app: App, source: Source, rule: str, alerts: Sequence[Alert], now: int) -> WouldHaveSent:
    messages: dict[str, int] = {}
    for alert in alerts:
        for channel, count in _messages(app, source, alert, now).items():
            messages[channel] = messages.get(channel, 0) + count
    return {
        "rule": rule,
        "alerts": len(alerts),
        "open": sum(a.active for a in alerts),
        "lasted_s": sum(_lasted_s(a, now) for a in alerts),
        "messages": messages,
    }


def _messages(app: App, source: Source, alert: Alert, now: int) -> dict[str, int]:
    """One for each step that was reached, and the end for each channel that knew."""
    lasted = _lasted_s(alert, now)
    counts: dict[str, int] = {}
    for ladder in route(app.config.policy, source, alert.rule, alert.severity).ladders:
        for step in ladder.policy.steps:
            for channel in step.notify if step.after_s <= lasted else ():
                counts[channel] = counts.get(channel, 0) + 1
    return counts if alert.active else {channel: count + 1 for channel, count in counts.items()}


def _lasted_s(alert: Alert, now: int) -> int:
    return max(0, (alert.resolved_at or now) - (alert.opened_at or now))
