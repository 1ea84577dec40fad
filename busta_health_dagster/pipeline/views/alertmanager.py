"""Open alerts as Alertmanager's API v2 shows them, so that amtool, karma and Grafana can read them.

An alert that no one is notified of is `suppressed`: by a silence (`silencedBy`), by an alert that explains it (`inhibitedBy`), or by
a person's snooze or planned maintenance (`mutedBy`). Shadow and pending alerts are not shown: no one is to act on them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.patterns import found
from busta_health_dagster.domain.silence import covering, labels_of
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.app.freshness import STALE_TICKS
from busta_health_dagster.pipeline.app.links import base_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.silence import Matcher, Silence
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

_MAINTENANCE = "maintenance "


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are asked for; `receiver` is a pattern for a channel's whole name."""

    matchers: Sequence[Matcher] = ()
    receiver: str = ""
    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    muted: bool = True


@dataclass(frozen=True, slots=True)
class GettableAlert:
    """One alert, its labels, and its document."""

    labels: dict[str, str]
    receivers: tuple[str, ...]
    document: dict[str, Any] = field(default_factory=dict)


def fingerprint_of(alert: str) -> str:
    """16 hexadecimal digits, as Alertmanager's own."""
    return hashlib.sha256(alert.encode()).hexdigest()[:16]


def gettable_alerts(app: App, wanted: AlertFilter) -> list[GettableAlert]:
    """Raises ValueError: the receiver's pattern cannot be used."""
    now = app.now()
    with app.store.read() as uow:
        alerts = [a for a in uow.alerts.open() if not a.shadow]
        silences = uow.silences.active(now)
        base = base_url(app, uow)
        seen = {name: state.slot for name, state in uow.states.all().items()}
    rules = app.rulebook
    shown = []
    for alert in alerts:
        source = rules.source(alert.source)
        if source is None:
            continue
        one = _gettable(alert, source, silences, now, base, seen.get(alert.source, now), app.config.tick_s)
        if _is_wanted(one, wanted):
            shown.append(one)
    return shown


def alert_groups(app: App, wanted: AlertFilter) -> list[dict[str, Any]]:
    """One group for each channel and the labels that `grouping.by` names."""
    names = ["alertname" if label == "rule" else label for label in app.config.policy.grouping.by]
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[dict[str, Any]]] = defaultdict(list)
    for one in gettable_alerts(app, wanted):
        labels = tuple((name, one.labels[name]) for name in names if name in one.labels)
        for receiver in one.receivers:
            if not wanted.receiver or found(wanted.receiver, receiver, whole=True):
                groups[receiver, labels].append(one.document)
    return [
        {"labels": dict(labels), "receiver": {"name": receiver}, "alerts": alerts}
        for (receiver, labels), alerts in sorted(groups.items(), key=lambda item: item[0])
    ]


def _gettable(
    alert: Alert, source: Source, silences: Iterable[Silence], now: int, base: str, slot: int, tick_s: int
) -> GettableAlert:
    labels = labels_of(alert, source)
    silenced = [s.id for s in covering(silences, labels, now)]
    by = alert.suppressed_by
    muted = [by] if by.startswith(_MAINTENANCE) else []
    if alert.snooze is not None:
        muted.append(f"snooze by {alert.snooze.by}")
    inhibited = [fingerprint_of(by if "/" in by else f"{alert.source}/{by}")] if by and not muted else []
    annotations = {
        "summary": alert.bad_reason or alert.reason,
        "acknowledged": f"by {alert.ack.by}, {iso(alert.ack.at)}" if alert.ack is not None else "",
        "id": str(alert.id),
    }
    receivers = tuple(sorted({name for ladder in alert.ladders for name in ladder.names}))
    document: dict[str, Any] = {
        "labels": labels,
        "annotations": {name: text for name, text in annotations.items() if text},
        "receivers": [{"name": name} for name in receivers],
        "fingerprint": fingerprint_of(alert.fingerprint),
        "startsAt": iso(alert.opened_at or now),
        "updatedAt": iso(max(slot, alert.opened_at or 0)),
        "endsAt": iso(now + STALE_TICKS * tick_s),
        "status": {
            "state": "suppressed" if silenced or inhibited or muted else "active",
            "silencedBy": silenced,
            "inhibitedBy": inhibited,
            "mutedBy": muted,
        },
    }
    if base:
        document["generatorURL"] = f"{base}/source-health/s/{alert.source}"
    return GettableAlert(labels, receivers, document)


def _is_wanted(one: GettableAlert, wanted: AlertFilter) -> bool:
    status = one.document["status"]
    if not wanted.active and status["state"] == "active":
        return False
    if not wanted.silenced and (status["silencedBy"] or status["mutedBy"]):
        return False
    if not wanted.muted and status["mutedBy"]:
        return False
    if not wanted.inhibited and status["inhibitedBy"]:
        return False
    if wanted.receiver and not any(found(wanted.receiver, name, whole=True) for name in one.receivers):
        return False
    return all(m.matches(one.labels) for m in wanted.matchers)
