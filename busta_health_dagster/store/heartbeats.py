"""What pushed sources last reported. Silence is the failure, so only the newest beat matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from busta_health_dagster.store.schema.observing import heartbeat

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The newest call of a pushed source, at epoch `at`. `ok` False: the pipeline says itself that it failed."""

    source: str
    at: int
    ok: bool = True
    items: int | None = None
    message: str = ""


class Heartbeats:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def heartbeat(self, name: str, at: int, *, items: int | None = None, ok: bool = True, message: str = "") -> None:
        """Record a beat; one that arrives late does not replace a newer one. Raises UnknownName."""
        row = {"source_id": self._uow.sources.get(name).id, "at": at, "ok": ok, "items": items, "message": message}
        wish = self._uow.insert(heartbeat).values(row)
        fields = {c: wish.excluded[c] for c in ("at", "ok", "items", "message")}
        self._uow.connection.execute(
            wish.on_conflict_do_update(
                index_elements=["source_id"], set_=fields, where=heartbeat.c.at <= wish.excluded.at
            )
        )

    def last(self, name: str) -> Heartbeat | None:
        """None: it never beat. Raises UnknownName."""
        key = self._uow.sources.get(name).id
        row = self._uow.connection.execute(select(heartbeat).where(heartbeat.c.source_id == key)).first()
        return None if row is None else Heartbeat(name, row.at, row.ok, row.items, row.message)

    def all(self) -> dict[str, Heartbeat]:
        """The newest beat of each source that ever beat."""
        names = self._uow.sources.ids(None, removed=True)
        rows = self._uow.connection.execute(select(heartbeat)).all()
        return {names[r.source_id]: Heartbeat(names[r.source_id], r.at, r.ok, r.items, r.message) for r in rows}
