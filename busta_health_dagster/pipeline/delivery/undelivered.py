"""What waits in the outbox and is not worth sending any more: found before a channel's messages are claimed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.engines.undelivered import Unsent, why_dropped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


def drop_what_is_over(app: App, uow: UnitOfWork, channel: str) -> int:
    """Drop what this channel need not be sent any more, each with its reason, -> how many. A drill drops nothing: it
    asks whether every message arrives.
    """
    waiting = uow.outbox.unsent(channel)
    if app.drill or not waiting:
        return 0
    ended = ended_alerts(uow, (key for m in waiting for key in m.alert_ids))
    threads: dict[str, list[Unsent]] = defaultdict(list)
    for message in waiting:
        threads[message.thread].append(message)
    dropped = 0
    for messages in threads.values():
        for n, message in enumerate(messages):
            reason = why_dropped(message, messages[n + 1 :], ended) if message.waiting else ""
            if reason and uow.outbox.drop(message.id, f"not sent: {reason}", app.clock.now()):
                dropped += 1
    if dropped:
        uow.counters.add({f'busta_notifications_total{{channel="{channel}",result="dropped"}}': dropped})
    return dropped


def ended_alerts(uow: UnitOfWork, ids: Iterable[int]) -> frozenset[int]:
    """Those of these alerts that are open no more."""
    return frozenset(a.id for a in uow.alerts.by_ids(set(ids)) if a.id is not None and a.state is not AlertState.OPEN)
