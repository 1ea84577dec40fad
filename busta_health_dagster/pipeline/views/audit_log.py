"""The audit log, a page at a time: who did what, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.access import AuditEntry
    from busta_health_dagster.domain.documents.service import AuditRow
    from busta_health_dagster.pipeline.app.app import App


@dataclass(frozen=True, slots=True)
class AuditLog:
    """A page of entries, newest first, how many there are in all, and the actors and actions the log has."""

    entries: Sequence[AuditEntry]
    total: int
    actors: Sequence[str]
    actions: Sequence[str]

    def as_json(self) -> list[AuditRow]:
        """The rows of `busta audit list -o json`."""
        return [
            {"at": iso(e.at), "actor": e.actor, "action": e.action, "subject": e.subject, "detail": e.detail or None}
            for e in self.entries
        ]


def audit_log(app: App, *, actor: str = "", action: str = "", offset: int = 0, limit: int = 100) -> AuditLog:
    """`action` takes those below it, too: `alert` takes `alert.ack`."""
    with app.store.read() as uow:
        total, entries = uow.audit.page(actor=actor, action=action, offset=offset, limit=limit)
        actors, actions = uow.audit.names()
    heads = {name.partition(".")[0] for name in actions}
    return AuditLog(entries, total, actors, sorted({*actions, *heads}))
