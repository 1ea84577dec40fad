"""The names of conversations: which group an alert belongs to, and the thread that its messages share.

A *thread* is one message that is updated (Slack), one conversation (mail), one event (PagerDuty).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.alerting.inhibition import field_value
from busta_health_dagster.engines.alerting.root_cause import OWN_THREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.source import Source

STORM = "storm-"


def group_key(alert: Alert, source: Source | None, by: Sequence[str]) -> str:
    """`slow-response, odds_and_scores`."""
    if source is None:
        return alert.rule
    return ", ".join(field_value(name, source, alert.rule, alert.severity) for name in by)


def group_thread(key: str, now: int) -> str:
    return f"group-{from_epoch(now):%Y%m%dT%H%M%SZ}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def storm_thread(route: int, now: int) -> str:
    return f"{STORM}{from_epoch(now):%Y%m%dT%H%MZ}-r{route}"


def own_thread(alert: Alert) -> str:
    return f"{OWN_THREAD}{alert.fingerprint}-{alert.opened_at}"


def storm_key(alert: Alert) -> str:
    return f"storm/{first_route(alert)}"


def routes_of(alert: Alert) -> list[int]:
    return [ladder.route for ladder in alert.ladders] or [0]


def first_route(alert: Alert) -> int:
    return alert.ladders[0].route if alert.ladders else 0
