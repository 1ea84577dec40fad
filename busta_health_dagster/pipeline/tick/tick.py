"""One tick: observe, store, evaluate, notify. What Dagster is sent is decided in `defs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.alerting.on_call_calendars import refresh_rotations
from busta_health_dagster.pipeline.anomaly.anomaly_pass import catch_up
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.app.overload import note_begun
from busta_health_dagster.pipeline.app.store_failure import recording_store_failure
from busta_health_dagster.pipeline.delivery.dead_mans_switch import heartbeat
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.calendars import refresh_calendars
from busta_health_dagster.pipeline.observing.observe import observe
from busta_health_dagster.pipeline.observing.reprobe import reprobe
from busta_health_dagster.pipeline.observing.vantages import close_slots, observe_from
from busta_health_dagster.pipeline.views.status import fleet_health

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.health import FleetHealth
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.verdict import CheckVerdict, InstanceReading
    from busta_health_dagster.pipeline.app.app import App


LEARN_SHARE = 0.05
"""How much of a tick the detector may spend on history, once everyone is notified."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did. `due` sources had no observation in their slot; `observations` were newly stored."""

    at: int
    due: int
    observations: tuple[Observation, ...]
    verdicts: Mapping[str, Mapping[str, CheckVerdict]]
    fleet: FleetHealth
    duration_s: float


def run_tick(
    app: App,
    shard: int | None = None,
    *,
    stopped: Sequence[str] | None = None,
    instance: InstanceReading | None = None,
) -> TickReport:
    """Check everything that is due (or one shard of it). Safe to run twice, and at the same time as another. `stopped`:
    schedules and sensors of ours that someone stopped; None when that is unknown. `instance`: what was read of the Dagster
    instance, where the alert sensor does not.

    Raises:
        StoreError: the store refused; a note beside it tells the page and the metrics.
    """
    with recording_store_failure(app):
        return _tick(app, shard, stopped, instance)


def run_vantage(app: App, vantage: str, shard: int | None = None) -> list[Observation]:
    """Observe from a vantage point, and store what it sees. The verdict is the monitor's own, see `close_slots`.

    Raises:
        StoreError: the store refused; a note beside it tells the page and the metrics.
    """
    with recording_store_failure(app):
        return observe_from(app, vantage, shard)


def _tick(app: App, shard: int | None, stopped: Sequence[str] | None, instance: InstanceReading | None) -> TickReport:
    started = app.clock.monotonic()
    at = app.now()
    note_begun(app, shard)
    closed = close_slots(app)
    stored, due = observe(app, shard)
    between = [o for o in stored if o.kind is Kind.NEAR_EVENT]
    refresh_rotations(app)
    passed = alert_pass(
        app, manual=[*between, *reprobe(app, since=at)], ticking=True, shard=shard, stopped=stopped, instance=instance
    )
    took = app.clock.monotonic() - started
    with app.store.write() as uow:
        uow.meta.put(
            LAST_TICK,
            {
                "started_at": at,
                "at": app.now(),
                "duration_s": round(took, 3),
                "due": due,
                "stored": len(stored),
                "config_sha": app.config.sha,
                "config_problem": app.config_problem,
            },
        )
        uow.counters.add({"busta_ticks_total": 1})
    delivery_pass(app)
    heartbeat(app)
    if not shard:
        refresh_calendars(app)
    catch_up(app, for_s=LEARN_SHARE * app.config.tick_s)
    return TickReport(at, due, (*closed, *stored), passed.verdicts, fleet_health(app), took)
