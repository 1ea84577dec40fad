"""The stage of a drill: the real configuration, rules, routes and channels over a store that is thrown away.

Nothing of it touches the real store: no alert, no SLA, no outbox row. Time runs as always and is moved on in between.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import AlertPassResult, alert_pass
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store.outbox_rows import OutboxRow

PATIENCE_S = 30.0
"""How long a drill waits for the channels to accept one step's messages."""
_PAUSE_S = 0.2


class DrillClock:
    """The given clock, moved: by `offset` now and by `advance` later. Both readings move together, as in real life."""

    def __init__(self, inner: Clock, offset_s: float = 0.0) -> None:
        self._inner, self._offset = inner, offset_s

    def now(self) -> float:
        return self._inner.now() + self._offset

    def monotonic(self) -> float:
        return self._inner.monotonic() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """`app` is marked as a drill; `speed` says how much faster than the clock the slots come."""

    app: App
    clock: DrillClock
    sources: tuple[Source, ...]
    interval_s: int
    speed: float
    patience_s: float = PATIENCE_S
    given_up: set[str] = field(default_factory=set)

    def observation(self, status: Status) -> AlertPassResult:
        """One tick in which every simulated source is like this. The next observation belongs to the next slot."""
        now = self.app.now()
        detail = "drill: a simulated failure" if status is Status.DOWN else "drill: up again"
        reason = "connect" if status is Status.DOWN else "ok"
        ms = None if status is Status.DOWN else 100.0
        seen = [
            Observation(s.name, floor_to(now, s.interval_s), now, status, reason, detail, response_ms=ms)
            for s in self.sources
        ]
        store_observations(self.app, seen)
        return alert_pass(self.app, ticking=True)

    def next_slot(self) -> None:
        """Wait for the next slot, `speed` times as fast."""
        real = self.interval_s / self.speed
        time.sleep(real)
        self.clock.advance(self.interval_s - real)

    def deliver(self) -> None:
        """Send everything that is due, until all is settled or the patience ends; a channel is waited for in vain once."""
        ends = time.monotonic() + self.patience_s
        while True:
            delivery_pass(self.app)
            with self.app.store.read() as uow:
                left = set(uow.outbox.load(self.app.clock.now())) - self.given_up
            if not left:
                return
            if time.monotonic() > ends:
                self.given_up.update(left)
                return
            time.sleep(_PAUSE_S)

    def messages(self, after: int = 0) -> list[OutboxRow]:
        """Every message with an id above `after`, oldest first."""
        with self.app.store.read() as uow:
            found = uow.outbox.list("waiting", "sending", "done", "dead", limit=100_000)
        return [row for row in reversed(found) if row.id > after]


@contextmanager
def stage(
    app: App, sources: Sequence[Source], policy: AlertPolicy, *, speed: float, began_s_ago: float = 0.0
) -> Iterator[Stage]:
    """Set it up, and clear it away whatever happens. `began_s_ago` lets the story end about now."""
    interval = min(s.interval_s for s in sources)
    heard = replace(
        policy, routes=tuple(replace(r, mute=None, digest=None) for r in policy.routes)
    )  # asked for: no one is disturbed, and nothing waits for the morning
    config = replace(app.config, sources={s.name: s for s in sources}, control=(), policy=heard, windows=(), events=())
    with TemporaryDirectory(prefix="busta-drill-") as folder:
        clock = DrillClock(app.clock, -began_s_ago)
        store = Store(f"sqlite:///{Path(folder) / 'drill.sqlite3'}")
        try:
            store.upgrade()
            on = replace(app, config=config, store=store, clock=clock, drill=True, config_problem=None)
            with store.write() as uow:
                uow.sources.sync(config.sources.values(), on.now())
            yield Stage(on, clock, tuple(sources), interval, speed)
        finally:
            store.close()
