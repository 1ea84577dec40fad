"""The log that the live page replays: what changed, in the order of commit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from busta_health_dagster.store.schema.observing import event_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.store.unit import UnitOfWork

_ORDER_LOCK = 0x62757365  # "buse"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """`id` is what a browser sends back as Last-Event-ID."""

    id: int
    at: int
    kind: str
    payload: Mapping[str, Any]


class Events:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def append(self, kind: str, payload: Mapping[str, Any], at: int) -> int:
        """Add one, -> its id. Writers queue up here until they commit, so that a reader who has seen an id has seen
        all before.
        """
        if not self._uow.is_sqlite:
            self._uow.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ORDER_LOCK})
        row = {"at": at, "kind": kind, "payload": json.dumps(payload, separators=(",", ":"))}
        return int(
            self._uow.connection.execute(self._uow.insert(event_log).values(row).returning(event_log.c.id)).scalar_one()
        )

    def since(self, after: int, limit: int = 500) -> list[LoggedEvent]:
        """Those with an id above `after`, oldest first."""
        asked = select(event_log).where(event_log.c.id > after).order_by(event_log.c.id).limit(limit)
        return [LoggedEvent(r.id, r.at, r.kind, json.loads(r.payload)) for r in self._uow.connection.execute(asked)]

    def last_id(self) -> int:
        """0 when nothing ever happened."""
        return int(self._uow.connection.execute(select(func.coalesce(func.max(event_log.c.id), 0))).scalar_one())
