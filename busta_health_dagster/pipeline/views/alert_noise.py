"""What each source and rule sent, and what became of it: where to tune first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.self_monitoring import MONITOR
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alert_noise import WEEK_S, noisy_pairs
from busta_health_dagster.engines.service_levels.periods import Period
from busta_health_dagster.pipeline.reporting.operation import notified

if TYPE_CHECKING:
    from collections.abc import Collection

    from busta_health_dagster.domain.documents.alerts import NoiseTable
    from busta_health_dagster.pipeline.app.app import App


def alert_noise(app: App, since_s: int, names: Collection[str] | None = None) -> NoiseTable:
    """Messages of the last `since_s` seconds, of these sources (None: all); alerts about the monitor itself are left out."""
    now = app.now()
    since = now - since_s
    with app.store.read() as uow:
        about = [m.alert_ids[0] for m in notified(uow, Period("noise", since, now + 1))]
        alerts = [a for a in uow.alerts.by_ids(set(about)) if a.source != MONITOR.name]
    chosen = [a for a in alerts if not names or a.source in names]
    pairs = noisy_pairs(chosen, about, since_s)
    count = sum(p.messages for p in pairs)
    return {
        "since": iso(since),
        "until": iso(now),
        "notifications": count,
        "per_week": round(count * WEEK_S / max(since_s, 1), 2),
        "items": [
            {
                "source": p.source,
                "rule": p.rule,
                "notifications": p.messages,
                "per_week": round(p.per_week, 2),
                "alerts": p.alerts,
                "acknowledged_percent": p.share(p.acknowledged),
                "self_resolved_percent": p.share(p.self_resolved),
                "unheeded": p.unheeded,
            }
            for p in pairs
        ],
    }
