"""What people did and said: the audit log, and notes on incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.store.schema.alerting import audit, incident_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.store.unit import UnitOfWork


class Audit:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def append(self, entry: AuditEntry) -> None:
        row = {"at": entry.at, "actor": entry.actor, "action": entry.action, "subject": entry.subject}
        self._uow.connection.execute(audit.insert().values(**row, detail=entry.detail))

    def list(self, limit: int = 200, subject: str | None = None) -> list[AuditEntry]:
        """Newest first."""
        asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if subject is not None:
            asked = asked.where(audit.c.subject == subject)
        rows = self._uow.connection.execute(asked)
        return [AuditEntry(r.at, r.actor, r.action, r.subject, r.detail) for r in rows]

    def page(
        self, *, actor: str = "", action: str = "", offset: int = 0, limit: int = 100
    ) -> tuple[int, Sequence[AuditEntry]]:
        """How many entries there are of this actor and of this action (with those below it: `alert` takes `alert.ack`), and a
        page of them, newest first.
        """
        those = [audit.c.actor == actor] if actor else []
        if action:
            those.append((audit.c.action == action) | audit.c.action.startswith(f"{action}.", autoescape=True))
        count = self._uow.connection.execute(select(func.count()).select_from(audit).where(*those)).scalar_one()
        asked = select(audit).where(*those).order_by(audit.c.id.desc()).offset(offset).limit(limit)
        rows = self._uow.connection.execute(asked)
        return count, [AuditEntry(r.at, r.actor, r.action, r.subject, r.detail) for r in rows]

    def names(self) -> tuple[Sequence[str], Sequence[str]]:
        """The actors and the actions that it knows."""
        ask = self._uow.connection.execute
        return (
            ask(select(audit.c.actor).distinct().order_by(audit.c.actor)).scalars().all(),
            ask(select(audit.c.action).distinct().order_by(audit.c.action)).scalars().all(),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person wrote on an incident; the newest `cause` is its cause."""

    incident: str
    at: int
    author: str
    kind: Literal["note", "cause"]
    text: str


class IncidentNotes:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, note: Note) -> None:
        row = {"incident": note.incident, "at": note.at, "author": note.author, "kind": note.kind, "text": note.text}
        self._uow.connection.execute(incident_note.insert().values(**row))

    def of(self, incident: str) -> list[Note]:
        """Oldest first."""
        asked = select(incident_note).where(incident_note.c.incident == incident).order_by(incident_note.c.id)
        return [Note(r.incident, r.at, r.author, r.kind, r.text) for r in self._uow.connection.execute(asked)]

    def causes(self) -> dict[str, str]:
        """Incident -> its cause, as it was last given."""
        asked = select(incident_note).where(incident_note.c.kind == "cause").order_by(incident_note.c.id)
        return {r.incident: r.text for r in self._uow.connection.execute(asked)}
