"""Deleting what is older than it is kept, in steps small enough that a tick never waits long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table, delete, select

from busta_health_dagster.store.schema.access import session
from busta_health_dagster.store.schema.alerting import alert, audit, outbox, silence, suppression
from busta_health_dagster.store.schema.custom_metrics import metric_day, metric_hour
from busta_health_dagster.store.schema.observing import (
    event_log,
    manual_observation,
    observation,
    rollup_day,
    rollup_hour,
    sample,
)
from busta_health_dagster.store.schema.quality import check_history, failing_row, quality_checks, quality_result
from busta_health_dagster.store.schema.reporting import report
from busta_health_dagster.store.schema.vantages import vantage_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.store.database import Store
    from busta_health_dagster.store.unit import UnitOfWork

_BATCH = 20_000

KEEPABLE: Mapping[str, tuple[tuple[Table, Column[Any]], ...]] = {
    "observations": (
        (observation, observation.c.slot),
        (manual_observation, manual_observation.c.slot),
        (vantage_answer, vantage_answer.c.slot),
    ),
    "rollup_hour": ((rollup_hour, rollup_hour.c.hour), (metric_hour, metric_hour.c.hour)),
    "rollup_day": ((rollup_day, rollup_day.c.day), (metric_day, metric_day.c.day)),
    "alerts": ((alert, alert.c.resolved_at), (silence, silence.c.ends_at)),
    "deliveries": ((outbox, outbox.c.finished_at), (suppression, suppression.c.at)),
    "audit": ((audit, audit.c.at),),
    "live_events": ((event_log, event_log.c.at),),
    "samples": ((sample, sample.c.taken_at), (failing_row, failing_row.c.at)),
    "quality": ((quality_result, quality_result.c.at),),
    "quality_checks": ((quality_checks, quality_checks.c.at), (check_history, check_history.c.at)),
    "reports": ((report, report.c.until),),
}
"""What `retention:` can name -> the tables, and the column that says how old a row is; where it is null (an open
alert, an unsent message) the row stays. Transitions go with their alert, attempts with their message.
"""


def prune(store: Store, retention: Mapping[str, float], now: int, batch: int = _BATCH) -> dict[str, int]:
    """Delete rows older than `retention[name]` seconds; names that are not the store's are left to others.

    -> rows deleted by table. An interrupted run loses nothing and is taken up by the next.
    """
    deleted: dict[str, int] = {}
    for name, keep_s in retention.items():
        for table, age in KEEPABLE.get(name, ()):
            deleted[table.name] = 0
            more = True
            while more:
                with store.write() as uow:
                    gone, more = prune_once(uow, table, age, now - int(keep_s), batch)
                deleted[table.name] += gone
    with store.write() as uow:
        deleted["session"] = uow.connection.execute(delete(session).where(session.c.expires_at <= now)).rowcount
    return deleted


def prune_once(uow: UnitOfWork, table: Table, age: Column[Any], before: int, batch: int) -> tuple[int, bool]:
    """Delete about `batch` of the oldest rows before an instant; -> (how many, whether there are more)."""
    asked = select(age).where(age < before).order_by(age).offset(batch).limit(1)
    cut = uow.connection.execute(asked).scalar_one_or_none()
    limit = (
        before if cut is None else min(before, cut + 1)
    )  # all rows of one instant together, so that every step gets on
    done = uow.connection.execute(delete(table).where(age < limit))
    return done.rowcount, cut is not None and limit < before
