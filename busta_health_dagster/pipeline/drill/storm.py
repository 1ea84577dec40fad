"""A drill of a storm: many simulated sources fail in one tick; one message per route, all recorded, all resolved."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.drill.drill import (
    MOST_OBSERVATIONS,
    Notified,
    drill_source,
    lost_messages,
    notified_by,
    with_channel,
)
from busta_health_dagster.pipeline.drill.stage import Stage, stage

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

FASTEST = 600.0


@dataclass(frozen=True, slots=True)
class StormReport:
    """`opened` alerts with `transitions` stored in `stored_s`; the messages of the opening and of the end. `lag_s` is
    how late the next tick was.
    """

    sources: int
    limit: int
    opened: int
    transitions: int
    stored_s: float
    notified: tuple[Notified, ...]
    texts: tuple[str, ...]
    lag_s: float
    resolved: int
    ended: tuple[Notified, ...]
    lost: int

    @property
    def held(self) -> int:
        """Messages that would have been sent, one per alert and channel, and were not."""
        return max(0, self.opened * len({t.channel for t in self.notified}) - len(self.notified))

    @property
    def passed(self) -> bool:
        one_each = len(self.notified) <= len({t.channel for t in self.notified}) or self.sources <= self.limit
        notified = bool(self.notified) and all(t.ok for t in (*self.notified, *self.ended))
        return (
            self.opened >= self.sources == self.resolved and one_each and notified and self.lag_s <= 0 and not self.lost
        )

    def as_json(self) -> dict[str, Any]:
        from dataclasses import asdict

        return {**asdict(self), "held": self.held, "passed": self.passed}


def drill_storm(app: App, count: int, *, source: str | None = None, channel: str | None = None) -> StormReport:
    """Raises BadInput, UnknownName: fewer than one source, no such source or channel."""
    if count < 1:
        raise BadInput(f"A storm of {count} sources is none; write for instance --storm 37.")
    models = [drill_source(app, source)] if source else [drill_source(app, None), *app.config.sources.values()]
    interval = min(s.interval_s for s in models)
    played = [_actor(model, n, interval) for n, model in enumerate(islice(cycle(models), count), 1)]
    with stage(app, played, with_channel(app, channel), speed=FASTEST, began_s_ago=20 * interval) as on:
        return _play(on)


def _actor(model: Source, number: int, interval_s: int) -> Source:
    return replace(model, name=f"drill_{number:04}", interval_s=interval_s)


def _play(on: Stage) -> StormReport:
    alerts = transitions = 0
    stored = lag = 0.0
    for _ in range(MOST_OBSERVATIONS):
        started = time.monotonic()
        passed = on.observation(Status.DOWN)
        stored = time.monotonic() - started
        alerts, transitions = passed.opened, len(passed.changes.transitions)
        if alerts:
            break
        on.next_slot()
    on.deliver()
    lag = max(0.0, time.monotonic() - started - on.interval_s)
    opening = on.messages()
    on.next_slot()
    on.observation(Status.DOWN)
    resolved = 0
    for _ in range(MOST_OBSERVATIONS):
        on.next_slot()
        resolved += on.observation(Status.UP).resolved
        if resolved >= alerts:
            break
    on.deliver()
    ending = on.messages(after=max((r.id for r in opening), default=0))
    return StormReport(
        sources=len(on.sources),
        limit=on.app.config.policy.grouping.storm,
        opened=alerts,
        transitions=transitions,
        stored_s=stored,
        notified=tuple(notified_by(r) for r in opening),
        texts=tuple(text_of(notification_of(r.message.payload)).notification for r in opening),
        lag_s=lag,
        resolved=resolved,
        ended=tuple(notified_by(r) for r in ending),
        lost=len(lost_messages([*opening, *ending])),
    )
