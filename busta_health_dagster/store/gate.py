"""Overrides of the gate, and the jobs behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from busta_health_dagster.domain.gate import GatedJob, GateOverride
from busta_health_dagster.store.schema.gating import gate_override, gated_job
from busta_health_dagster.store.schema.observing import source

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork

_O, _J = gate_override.c, gated_job.c
_JOB_KEY = ["location", "sensor", "job"]


class Gates:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def override(self, override: GateOverride) -> None:
        """Put it in force; one that the source had until now ends. Raises UnknownName."""
        self.end_override(override.source, override.since)
        row = {
            "source_id": self._uow.sources.get(override.source).id,
            "usable": override.usable,
            "since": override.since,
            "until": override.until,
            "reason": override.reason,
            "by": override.by,
        }
        self._uow.connection.execute(gate_override.insert().values(row))

    def end_override(self, name: str, now: int) -> bool:
        """-> whether one was in force. Raises UnknownName."""
        mine = (_O.source_id == self._uow.sources.get(name).id) & (_O.until > now)
        return self._uow.connection.execute(update(gate_override).where(mine).values(until=now)).rowcount > 0

    def overrides(self, now: int) -> dict[str, GateOverride]:
        """Those in force, by source."""
        asked = select(source.c.name, gate_override).join(source, source.c.id == _O.source_id)
        rows = self._uow.connection.execute(asked.where(_O.until > now).order_by(_O.id))
        return {r.name: GateOverride(r.name, r.usable, r.since, r.until, r.reason, r.by) for r in rows}

    def put_job(self, job: GatedJob) -> None:
        """As its sensor sees it now."""
        row = {
            "location": job.location,
            "sensor": job.sensor,
            "job": job.job,
            "sources": json.dumps(list(job.sources)),
            "next_at": job.next_at,
            "evaluated_at": job.evaluated_at,
            "held_since": job.held_since,
            "reason": job.reason,
        }
        wish = self._uow.insert(gated_job).values(row)
        changed = {name: wish.excluded[name] for name in row if name not in _JOB_KEY}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=_JOB_KEY, set_=changed))

    def jobs(self, since: int = 0) -> list[GatedJob]:
        """Those that were evaluated at or after `since`, by name; one of several sensors once for each."""
        asked = select(gated_job).where(_J.evaluated_at >= since).order_by(_J.job, _J.location, _J.sensor)
        return [
            GatedJob(
                r.location,
                r.job,
                tuple(json.loads(r.sources)),
                r.next_at,
                r.evaluated_at,
                r.held_since,
                r.reason,
                r.sensor,
            )
            for r in self._uow.connection.execute(asked)
        ]
